package main

import (
	"cmp"
	"crypto/hmac"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ginsession/ginsession/cookiecache"
	"github.com/ginsession/ginsession/internal/cookiescan"
	"github.com/ginsession/ginsession/internal/signed"
)

// A finding is what can be said of one cookie. The token is never in it.
type finding struct {
	Name   string `json:"name,omitempty"`
	Kind   string `json:"kind"`
	Secret string `json:"secret,omitempty"` // the variable whose secret holds
	Token  string `json:"token,omitempty"`  // how it begins

	// Of a cookie cache what stands in it, of a session cookie what the store says.
	Strategy  string     `json:"strategy,omitempty"`
	Version   string     `json:"version,omitempty"`
	SessionID string     `json:"sessionId,omitempty"`
	UserID    string     `json:"userId,omitempty"`
	MadeAt    *time.Time `json:"madeAt,omitempty"`
	CreatedAt *time.Time `json:"createdAt,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`

	Valid bool   `json:"valid"`
	Why   string `json:"why"`

	token string // "" if none is proved
}

// Kinds of cookies.
const (
	kindToken  = "session token"
	kindDevice = "session token of a device"
	kindMarker = "don't-remember marker"
	kindCopy   = "cookie cache"
)

var (
	dataName = regexp.MustCompile(`session_data(\.\d+)?$`)
	oneValue = regexp.MustCompile(`^[^=;\s]+=*$`)
)

// kindOf is what a cookie is by its name, "" if by that it is none of ours.
func kindOf(name string) string {
	switch {
	case strings.HasSuffix(name, "session_token"):
		return kindToken
	case strings.Contains(name, "session_token_multi-"):
		return kindDevice
	case strings.HasSuffix(name, "dont_remember"):
		return kindMarker
	case dataName.MatchString(name):
		return kindCopy
	}
	return ""
}

// readCookies finds our cookies in a Cookie header, with or without its name, in a single
// NAME=VALUE whatever the name, or in a value alone. Chunks of a cookie cache become
// one cookie. It returns none if there is nothing to look at.
func readCookies(text string) []cookiescan.Pair {
	text = strings.TrimSpace(text)
	if len(text) > 7 && strings.EqualFold(text[:7], "cookie:") {
		text = text[7:]
	}
	all, _ := cookiescan.Scan(nil, []string{text}, func(string) bool { return true })
	var ours, chunks []cookiescan.Pair
	for _, pair := range all {
		switch kind := kindOf(pair.Name); {
		case kind == kindCopy && !strings.HasSuffix(pair.Name, "session_data"):
			chunks = append(chunks, pair)
		case kind != "":
			ours = append(ours, pair)
		}
	}
	switch {
	case len(ours)+len(chunks) > 0:
		return append(ours, joined(chunks)...)
	case oneValue.MatchString(text): // it may end with = of base64
		return []cookiescan.Pair{{Value: text}}
	case len(all) == 1:
		return all
	}
	return nil
}

// joined puts chunks together, by their numbers.
func joined(chunks []cookiescan.Pair) []cookiescan.Pair {
	number := func(p cookiescan.Pair) int {
		n, _ := strconv.Atoi(p.Name[strings.LastIndexByte(p.Name, '.')+1:])
		return n
	}
	slices.SortStableFunc(chunks, func(a, b cookiescan.Pair) int { return number(a) - number(b) })
	var whole []cookiescan.Pair
	for _, chunk := range chunks {
		name := chunk.Name[:strings.LastIndexByte(chunk.Name, '.')]
		if n := len(whole); n > 0 && whole[n-1].Name == name {
			whole[n-1].Value += chunk.Value
			continue
		}
		whole = append(whole, cookiescan.Pair{Name: name, Value: chunk.Value})
	}
	return whole
}

// A judge knows the secrets, and says what holds without asking anybody.
type judge struct {
	signer  *signed.Signer
	secrets []string
	nameOf  func(i int) string // of a secret
	now     time.Time
}

func newJudge(e environment, now time.Time) judge {
	return judge{signed.New(e.secrets()), e.secrets(), e.secretName, now}
}

func (j judge) judge(cookie cookiescan.Pair) finding {
	f := finding{Name: cookie.Name, Kind: kindOf(cookie.Name)}
	if f.Kind == kindCopy {
		return j.copied(f, cookie.Value)
	}
	value, secret, ok := j.signer.Verify(cookie.Value)
	switch {
	case ok:
		f.Secret = j.nameOf(secret)
		return signedValue(f, value)
	case f.Kind != "":
		f.Why = "not signed: it does not read value.signature"
		if signatureForm.MatchString(cookie.Value) {
			f.Why = "forged, or signed with another secret: none of the secrets holds"
		}
		return f
	}
	if f = j.copied(f, cookie.Value); f.Secret == "" {
		f.Kind, f.Why = "unknown", "none of the secrets holds, neither as a session cookie nor as a cookie cache"
	}
	return f
}

var signatureForm = regexp.MustCompile(`\.[0-9A-Za-z+/%]{43,}=?$`)

// signedValue judges what was signed by its form: Better Auth leaves the cookie's name
// out of the signature.
func signedValue(f finding, value string) finding {
	switch {
	case f.Kind == kindMarker:
		if f.Valid = value == "true"; !f.Valid {
			f.Why = "the signature holds, but it does not say true"
		}
	case tokenForm.MatchString(value):
		f.Kind = cmp.Or(f.Kind, kindToken)
		f.token, f.Token = value, value[:4]+"…"
		f.Valid = true
	case f.Kind == "" && value == "true":
		f.Kind, f.Valid = kindMarker, true
	default:
		f.Kind = cmp.Or(f.Kind, "signed value")
		f.Why = "the signature holds, but what was signed is no session token"
	}
	return f
}

// strategies are all that a cookie cache can have.
var strategies = []cookiecache.Strategy{cookiecache.SecureCookie, cookiecache.Compact, cookiecache.JWT, cookiecache.JWE}

// A payload is what a cookie cache holds, as far as it is shown.
type payload struct {
	Session struct {
		ID        string    `json:"id"`
		Token     string    `json:"token"`
		UserID    string    `json:"userId"`
		CreatedAt time.Time `json:"createdAt"`
		ExpiresAt time.Time `json:"expiresAt"`
	} `json:"session"`
	UpdatedAt int64  `json:"updatedAt"`
	Version   string `json:"version"`
}

// copied judges a cookie cache: its last moment is the copy's, not the session's.
func (j judge) copied(f finding, value string) finding {
	f.Kind = kindCopy
	text, last, ok := j.decode(&f, value)
	if !ok {
		f.Why = "malformed, forged, or made with another secret or under another name: no strategy reads it with any of the secrets"
		return f
	}
	var p payload
	if json.Unmarshal([]byte(text), &p) != nil || p.Session.ID == "" || p.Session.Token == "" {
		f.Why = "the signature holds, but what was signed is no session"
		return f
	}
	made, created := time.UnixMilli(p.UpdatedAt).UTC(), p.Session.CreatedAt.UTC()
	last = last.UTC()
	f.Version, f.SessionID, f.UserID = p.Version, p.Session.ID, p.Session.UserID
	f.MadeAt, f.CreatedAt, f.ExpiresAt = &made, &created, &last
	f.token = p.Session.Token
	switch {
	case last.Before(j.now):
		f.Why = "the copy has expired: the service reads the store, and makes another"
	case p.Session.ExpiresAt.Before(j.now):
		f.Why = "the session in it has expired"
	default:
		f.Valid = true
	}
	return f
}

// decode finds the strategy and the secret that read a value. Where the cookie's name
// is not known, SecureCookie, which signs it, is tried with the usual ones.
func (j judge) decode(f *finding, value string) (text string, last time.Time, ok bool) {
	names := []string{f.Name}
	if f.Name == "" {
		names = []string{"better-auth.session_data", "__Secure-better-auth.session_data", "__Host-better-auth.session_data"}
	}
	for _, strategy := range strategies {
		for i, secret := range j.secrets {
			for _, name := range names {
				codec, err := cookiecache.New(strategy, name, []string{secret})
				if err != nil {
					continue
				}
				if text, last, err = codec.Decode(value); err == nil {
					f.Strategy, f.Secret = strategy.String(), j.nameOf(i)
					return text, last, true
				}
			}
		}
	}
	return "", time.Time{}, false
}

// compare judges cookies by each other, as the service does.
func compare(findings []finding) {
	var tokens []string
	for _, f := range findings {
		if f.Kind == kindToken && f.token != "" && !slices.Contains(tokens, f.token) {
			tokens = append(tokens, f.token)
		}
	}
	for i := range findings {
		f := &findings[i]
		switch {
		case !f.Valid:
		case f.Kind == kindToken && len(tokens) > 1:
			f.Valid, f.Why = false, "two session cookies hold, with different tokens: the service takes neither"
		case f.Kind == kindCopy && len(tokens) == 1 && !sameToken(f.token, tokens[0]):
			f.Valid, f.Why = false, "the copy is of another session than the session cookie's"
		}
	}
}

// sameToken compares what a copy names with a token: the token, or its hash.
func sameToken(named, token string) bool {
	return hmac.Equal([]byte(named), []byte(token)) || hmac.Equal([]byte(named), []byte(hashed(token)))
}
