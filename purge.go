package ginsession

import (
	"context"
	"fmt"
	"time"
)

// purgeMargin keeps a node whose clock runs ahead from purging live sessions.
const purgeMargin = 5 * time.Minute

// purgeBatch is small enough that renewals and sign-ins hardly wait for it.
const purgeBatch = 500

// purgeEvery is how often StartPurge purges, and each purgesADay times it cuts
// addresses.
const (
	purgeEvery = time.Hour
	purgesADay = 24
)

// Purge deletes sessions that expired more than five minutes ago, in batches,
// and returns how many, also beside an error. Run it now and then, from as
// many processes as you like; expired sessions are refused with or without it.
// It stops when ctx ends.
func (m *Manager) Purge(ctx context.Context) (int, error) {
	total := 0
	before := m.clock().Add(-purgeMargin)
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		batch, cancel := context.WithTimeout(ctx, m.storeTimeout)
		n, err := m.store.Purge(batch, before, purgeBatch)
		cancel()
		total += n
		if err != nil {
			return total, fmt.Errorf("%w: %w", ErrStore, err)
		}
		if n == 0 {
			return total, nil
		}
		select { // let others have their turn
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// StartPurge purges now and then every hour, until ctx ends or the Manager is
// closed, after which it does nothing. Now and then every day it truncates addresses,
// if Config.TruncateAddressesAfter says so. All nodes may do so at once: they share
// the work. What fails is logged and done at the next turn. It returns at once.
func (m *Manager) StartPurge(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(m.running, cancel)
	m.inBackground(func() {
		defer cancel()
		defer stop()
		for turn := 0; ctx.Err() == nil; turn++ {
			if n, err := m.Purge(ctx); err != nil && ctx.Err() == nil {
				m.logger.Warn("ginsession: expired sessions could not be purged", "deleted", n, "error", err)
			}
			if m.addressAge > 0 && turn%purgesADay == 0 {
				if n, err := m.TruncateAddresses(ctx); err != nil && ctx.Err() == nil {
					m.logger.Warn("ginsession: addresses could not be truncated", "truncated", n, "error", err)
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(purgeEvery):
			}
		}
	})
}
