package ginsession_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/witness"
	"github.com/ginsession/ginsession/models"
)

// everything hears what the tests of this package let out: SR-67, and SR-44 for
// bodies.
var everything = witness.New()

// SR-67, in little: one service that fails in every way, with what it said.
func TestSR67_WhatFailsSaysNoSecret(t *testing.T) {
	t.Parallel()
	s := serve(t, cached, multi, bearer)
	b := s.signedIn("ada")
	device := s.signedIn("bob")
	secrets := []string{b.token(), device.token(), b.cookie(tokenCookie), b.cookie(dataCookie), secret}
	requests := func() {
		for _, path := range []string{"/me", "/store", "/fresh", "/api/auth/get-session", "/api/auth/list-sessions", listDevices} {
			b.get(path)
		}
		for path, body := range map[string]string{
			"/api/auth/revoke-session": `{"token":"` + device.token() + `"}`, "/api/auth/revoke-sessions": "{}", "/api/auth/revoke-other-sessions": "{}",
			"/api/auth/update-session": `{"a":"` + b.token() + `"}`, "/api/auth/sign-out": "{}", setActive: named(b.token()), revokeOne: named(b.token()), "/sign-in/ada": "",
		} {
			b.copy().post(path, body)
		}
	}
	s.down()
	requests()
	s.up()
	s.store.edit(b.token(), func(row *models.Session) { row.ExpiresAt = start.Add(-1) })
	requests()
	log := s.log.String()
	if !strings.Contains(log, "did not answer") {
		t.Fatalf("nothing was logged: %s", log)
	}
	for _, one := range secrets {
		if strings.Contains(log, one) {
			t.Errorf("the log holds %s", one)
		}
	}
}
