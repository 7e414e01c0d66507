package ginsession

import (
	"net/http"
	"strings"
	"time"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/cookiescan"
)

// maxCandidates is how many cookies of one name are looked at. More than one
// is rare and means that another host or path set one too.
const maxCandidates = 4

// presented is what one request says about its session, as far as signatures
// prove it.
type presented struct {
	tokens       few[proved] // distinct, in the request's order
	dontRemember bool        // a valid marker came along
	sent         few[string] // names of the session_data cookies, in order, each once
	bearer       bool        // the token came in the Authorization header
	dead         bool        // and cannot be one of a session
	forged       bool        // a session cookie's signature does not hold

	plain   few[string]       // distinct non-empty values of session_data
	chunks  [maxChunks]string // values of session_data.N
	torn    bool              // chunks that contradict each other or lie beyond maxChunks
	chunked bool

	unproved []cookiescan.Pair // device cookies; devices proves them
	asked    bool              // and has done so
	held     []proved
	macs     int // computed so far

	began time.Time // of an observed request
}

// few are things of which a request mostly brings one, which then takes no memory
// of its own.
type few[T any] struct {
	n    int
	one  T
	more []T
}

func (f *few[T]) add(v T) {
	if f.n++; f.n == 1 {
		f.one = v
	} else {
		f.more = append(f.more, v)
	}
}

// all yields them in order.
func (f *few[T]) all(yield func(T) bool) {
	if f.n == 0 || !yield(f.one) {
		return
	}
	for _, v := range f.more {
		if !yield(v) {
			return
		}
	}
}

// proved is a session token whose signature holds.
type proved struct {
	token  string
	secret int // index of the secret that signed it
}

// maxMACs bounds the signatures that are computed for what one request brings,
// but for the cookie cache, which costs one for each secret (SR-72). What comes
// after is ignored.
const maxMACs = 27

// verify checks a signed value within the budget.
func (k *cookies) verify(p *presented, raw string) (value string, secret int, ok bool) {
	if p.macs+k.signer.Secrets() > maxMACs {
		return "", 0, false
	}
	value, secret, ok = k.signer.Verify(raw)
	if p.macs += k.signer.Secrets(); ok {
		p.macs += secret + 1 - k.signer.Secrets() // it stopped at the one that fits
	}
	return value, secret, ok
}

// read scans the request's cookies once. A header beyond the limits is read as
// empty: no session, and nothing of it is cleared.
func (k *cookies) read(r *http.Request) presented {
	var p presented
	var room [8]cookiescan.Pair
	pairs, _ := cookiescan.Scan(room[:0], r.Header["Cookie"], k.ours)
	candidates, markers := 0, 0
	for _, pair := range pairs {
		switch {
		case pair.Name == k.token.name:
			if candidates++; candidates <= maxCandidates {
				p.addToken(k.verify(&p, pair.Value))
			}
		case pair.Name == k.marker.name:
			if markers++; markers <= maxCandidates && !p.dontRemember {
				value, _, ok := k.verify(&p, pair.Value)
				p.dontRemember = ok && value == "true"
			}
		case k.isDevice(pair.Name):
			p.unproved = append(p.unproved, pair)
		default:
			p.addData(pair, pair.Name[len(k.data.name):])
		}
	}
	return p
}

func (p *presented) addToken(token string, secret int, ok bool) {
	if !ok || !isToken(token) {
		p.forged = p.forged || !ok
		return
	}
	for earlier := range p.tokens.all {
		if earlier.token == token {
			return
		}
	}
	p.tokens.add(proved{token, secret})
}

func (p *presented) addData(pair cookiescan.Pair, suffix string) {
	seen := false
	for name := range p.sent.all {
		seen = seen || name == pair.Name
	}
	if !seen {
		p.sent.add(pair.Name)
	}
	if pair.Value == "" {
		return
	}
	if suffix == "" {
		if p.plain.n == 0 || p.plain.one != pair.Value {
			p.plain.add(pair.Value)
		}
		return
	}
	p.chunked = true
	n := chunkIndex(suffix)
	if n >= maxChunks || p.chunks[n] != "" && p.chunks[n] != pair.Value {
		p.torn = true
		return
	}
	p.chunks[n] = pair.Value
}

// session returns the one token that the request proves. Two different ones
// are no session, for a sibling host may have planted one of them; neither is
// none.
func (p *presented) session() (proved, bool) {
	return p.tokens.one, p.tokens.n == 1
}

// hasData reports whether the request carries a cookie cache, good or bad.
func (p *presented) hasData() bool { return p.plain.n > 0 || p.chunked }

// dataValue joins the cookie cache. The unchunked cookie wins over chunks and
// is never mixed with them; chunks must be whole from 0 on. Better Auth does
// not notice gaps; a gap is a miss here.
func (p *presented) dataValue() (string, bool) {
	switch {
	case p.plain.n == 1:
		return p.plain.one, true
	case p.plain.n > 1 || p.torn || p.chunks[0] == "":
		return "", false
	}
	n, size, gap := 0, 0, false
	for _, chunk := range p.chunks {
		switch {
		case chunk == "":
			gap = true
		case gap:
			return "", false
		default:
			n++
			size += len(chunk)
		}
	}
	if size > cookiecache.MaxValue {
		return "", false
	}
	return strings.Join(p.chunks[:n], ""), true
}

// isToken reports whether s has the form of a session token. Nothing else ever
// reaches the store, so that no cookie signed for another purpose is taken for
// one: JSON, signed values, handles and hashes all contain other characters.
func isToken(s string) bool {
	if len(s) < 16 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
