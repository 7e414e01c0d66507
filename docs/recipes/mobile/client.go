package mobile

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// A Keeper keeps the session's token where no other application can read it. It is
// safe for concurrent use.
type Keeper interface {
	// Token returns the token, "" if there is none.
	Token() string
	// Replace puts another token, or "", in the place of one, in one step; it does
	// nothing if another one is kept by then.
	Replace(old, token string)
}

// A Transport sends the token to one origin and keeps what the answers bring.
type Transport struct {
	Origin *url.URL
	Keeper Keeper
	Base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != t.Origin.Scheme || r.URL.Host != t.Origin.Host {
		return t.Base.RoundTrip(r) // a redirect must not lead the token elsewhere
	}
	sent := t.Keeper.Token()
	if sent != "" {
		r = r.Clone(r.Context()) // the request is not ours to change
		r.Header.Set("Authorization", "Bearer "+sent)
	}
	answer, err := t.Base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch issued := answer.Header.Get("Set-Auth-Token"); {
	case issued != "":
		t.Keeper.Replace(sent, issued) // signed in, renewed, or signed with a new secret
	case answer.StatusCode == http.StatusUnauthorized:
		t.Keeper.Replace(sent, "") // the session has ended
	}
	return answer, nil // 503 and all else say nothing of the session
}

// SignOut ends the session and then forgets its token. After an error both are
// there for another try.
func (t *Transport) SignOut(ctx context.Context) error {
	sent := t.Keeper.Token()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Origin.JoinPath("/api/auth/sign-out").String(), nil)
	if err != nil {
		return err
	}
	answer, err := t.RoundTrip(r)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("signing out: %s", answer.Status)
	}
	t.Keeper.Replace(sent, "")
	return nil
}
