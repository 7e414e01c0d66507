package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ginsession/ginsession/models"
)

// A predicate says which sessions are meant: those alive of which all that is set
// holds.
type predicate struct {
	createdBefore time.Time
	addresses     netip.Prefix // the zero Prefix: any
	userAgent     string       // a part of it, in any case; "": any
}

// storedBits is how much of an IPv6 address is stored unless Config.IPv6Subnet says
// otherwise.
const storedBits = 64

// readPredicate reads what the flags say. Without --created-before sessions that began
// by now are meant, so that those which begin meanwhile are not: there is an end.
func readPredicate(createdBefore, from, userAgent string, now time.Time) (predicate, error) {
	p := predicate{createdBefore: now, userAgent: strings.ToLower(userAgent)}
	if createdBefore == "" && from == "" && userAgent == "" {
		return p, badUsage("say which sessions: --created-before, --from or --user-agent; --created-before now means all")
	}
	if createdBefore != "" && createdBefore != "now" {
		at, err := time.Parse(time.RFC3339, createdBefore)
		if err != nil {
			return p, badUsage("--created-before is no time: write it as 2026-11-27T10:00:00Z, or now")
		}
		if at.Before(now) {
			p.createdBefore = at
		}
	}
	if from != "" {
		addresses, err := netip.ParsePrefix(from)
		if err != nil {
			address, alone := netip.ParseAddr(from)
			if alone != nil || address.Zone() != "" {
				return p, badUsage("--from is no address range: write it as 203.0.113.0/24 or 2001:db8::/32")
			}
			address = address.Unmap()
			addresses = netip.PrefixFrom(address, address.BitLen())
		}
		if addresses.Addr().Is4In6() {
			return p, badUsage("--from is an IPv4 range in IPv6 clothes: write it as 203.0.113.0/24")
		}
		// A narrower range is in no stored address; the network that it is a part of is.
		if addresses.Addr().Is6() && addresses.Bits() > storedBits {
			addresses = netip.PrefixFrom(addresses.Addr(), storedBits)
		}
		p.addresses = addresses.Masked()
	}
	return p, nil
}

// means reports whether a session is meant.
func (p predicate) means(s models.Session, now time.Time) bool {
	if !s.ExpiresAt.After(now) || !s.CreatedAt.Before(p.createdBefore) {
		return false
	}
	if p.addresses.IsValid() {
		if s.IPAddress == nil {
			return false
		}
		address, err := netip.ParseAddr(*s.IPAddress)
		if err != nil || !p.addresses.Contains(address.Unmap()) {
			return false
		}
	}
	return p.userAgent == "" || s.UserAgent != nil && strings.Contains(strings.ToLower(*s.UserAgent), p.userAgent)
}

// String says it in words.
func (p predicate) String() string {
	text := "created before " + timeText(p.createdBefore)
	if p.addresses.IsValid() {
		text += ", from " + p.addresses.String()
	}
	if p.userAgent != "" {
		text += fmt.Sprintf(", with %q in the user agent", p.userAgent)
	}
	return text
}
