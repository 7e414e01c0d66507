package ginsession

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession/models"
)

func TestRevoked(t *testing.T) {
	r := newRevoked(time.Hour, 0)
	doubts := func(token, session, user string, issued time.Time) bool {
		return r.doubts(token, models.Session{ID: session, UserID: user, CreatedAt: issued}, time.Now())
	}
	if doubts("t", "s", "u", noon) {
		t.Error("doubts out of nothing")
	}
	epoch := r.epoch.Load()
	r.token("t", time.Now(), ReasonSignedOut)
	if !doubts("t", "s", "u", noon.Add(time.Hour)) || doubts("t2", "s", "u", noon) {
		t.Error("token")
	}
	r.user("u", "", noon, ReasonOthers)
	if !doubts("x", "s", "u", noon) || doubts("x", "s", "u", noon.Add(skew+time.Millisecond)) || doubts("x", "s", "v", noon) {
		t.Error("user")
	}
	r.user("v", "kept", noon, ReasonOthers)
	if !doubts("x", "s", "v", noon) || doubts("x", "kept", "v", noon) {
		t.Error("all but one")
	}
	r.user("v", "other", noon.Add(-time.Hour), ReasonOthers) // who was spared once need not be again, and time does not go back
	if !doubts("x", "kept", "v", noon) || !doubts("x", "other", "v", noon) {
		t.Error("all but one, twice")
	}
	if r.epoch.Load() != epoch+4 {
		t.Error("epoch")
	}
	r.forget()
	if doubts("t", "s", "u", noon) {
		t.Error("forget")
	}
}

// A full set doubts every copy; it never forgets a revocation silently.
func TestSR76_RevokedIsBounded(t *testing.T) {
	r := newRevoked(time.Hour, 0)
	for i := range maxRevoked + 10 {
		r.token(fmt.Sprint("token", i), time.Now(), ReasonSignedOut)
	}
	r.user("late", "", noon, ReasonOthers)
	if len(r.tokens)+len(r.users) > maxRevoked {
		t.Errorf("%d entries", len(r.tokens))
	}
	for _, token := range []string{"token0", fmt.Sprint("token", maxRevoked+9), "never revoked"} {
		if !r.doubts(token, models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) {
			t.Errorf("%s is believed", token)
		}
	}
	// Once entries have lapsed there is room again.
	r = newRevoked(time.Millisecond, 0)
	for i := range maxRevoked {
		r.token(fmt.Sprint("token", i), time.Now(), ReasonSignedOut)
	}
	time.Sleep(2 * time.Millisecond)
	r.user("u", "", noon, ReasonOthers)
	if len(r.tokens)+len(r.users) != 1 {
		t.Errorf("%d entries after they lapsed", len(r.tokens)+len(r.users))
	}
	time.Sleep(2 * time.Millisecond)
	if r.doubts("token0", models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) {
		t.Error("doubts beyond its time")
	}
}

// An entry lapses by itself, however many come after it, and a user's next one
// begins anew.
func TestSR27_RevokedEntriesLapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRevoked(20*time.Millisecond, 0)
		r.token("t", time.Now(), ReasonSignedOut)
		r.user("u", "kept", noon, ReasonOthers)
		if !r.doubts("t", models.Session{ID: "s", UserID: "v", CreatedAt: noon}, time.Now()) {
			t.Error("does not doubt")
		}
		time.Sleep(20 * time.Millisecond)
		r.token("another", time.Now(), ReasonSignedOut) // so that there is something to look up
		if r.doubts("t", models.Session{ID: "s", UserID: "v", CreatedAt: noon}, time.Now()) || r.doubts("x", models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) {
			t.Error("doubts beyond its time")
		}
		if list := string(r.list(time.Time{})); strings.Count(list, `"at":`) != 1 {
			t.Errorf("lists beyond its time: %s", list)
		}
		r.user("u", "other", noon.Add(-time.Hour), ReasonOthers)
		if r.doubts("x", models.Session{ID: "other", UserID: "u", CreatedAt: noon}, time.Now()) || !r.doubts("x", models.Session{ID: "kept", UserID: "u", CreatedAt: noon.Add(-time.Hour)}, time.Now()) || r.doubts("x", models.Session{ID: "kept", UserID: "u", CreatedAt: noon}, time.Now()) {
			t.Error("an entry that lapsed is mixed with the next")
		}
	})
}

// Without a cookie cache there is nothing to remember, but shared reads still
// must not outlive a revocation.
func TestRevokedWithoutCache(t *testing.T) {
	r := newRevoked(0, 0)
	epoch := r.epoch.Load()
	r.token("t", time.Now(), ReasonSignedOut)
	r.user("u", "", noon, ReasonOthers)
	if r.doubts("t", models.Session{ID: "s", UserID: "u", CreatedAt: noon}, time.Now()) || r.epoch.Load() != epoch+2 || len(r.tokens) != 0 {
		t.Error("remembers")
	}
}

// BenchmarkRevokedSet reports what the set of revocations takes when it is full,
// in bytes an entry.
//
//	go test -run '^$' -bench RevokedSet -benchtime 1x .
func BenchmarkRevokedSet(b *testing.B) {
	fill := map[string]func(r *revoked, i int){
		"tokens": func(r *revoked, i int) { r.addToken(sha256.Sum256(fmt.Append(nil, i)), noon, ReasonSignedOut) },
		"users": func(r *revoked, i int) {
			r.addUser(fmt.Sprintf("user%028d", i), fmt.Sprintf("kept%028d", i), noon, ReasonOthers)
		},
	}
	for name, add := range fill {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				r := newRevoked(time.Hour, 0)
				for i := range maxRevoked {
					add(r, i)
				}
				b.ReportMetric(float64(heap()-before)/maxRevoked, "B/entry")
				if r.full != 0 {
					b.Fatal("the set was full before its end")
				}
			}
		})
	}
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
