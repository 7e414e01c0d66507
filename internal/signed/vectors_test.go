package signed_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/signed"
)

// A vector is one recording of what Better Auth writes or accepts.
type vector struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Inputs struct {
		Secret       string `json:"secret"`
		Name         string `json:"name"`
		Value        string `json:"value"`
		CookieHeader string `json:"cookie_header"`
	} `json:"inputs"`
	Expected struct {
		SetCookie any `json:"set_cookie"`
		Result    any `json:"result"` // the value, false or null
	} `json:"expected"`
}

// vectors reads the recordings of one kind.
func vectors(t *testing.T, kind string) []vector {
	t.Helper()
	path := os.Getenv("CONTRACT_VECTORS")
	if path == "" {
		path = "../../testdata/contract/vectors.json"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []json.RawMessage `json:"vectors"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var found []vector
	for _, raw := range file.Vectors {
		var head struct {
			Kind string `json:"kind"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			t.Fatal(err)
		}
		if head.Kind != kind {
			continue
		}
		var v vector
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		found = append(found, v)
	}
	if len(found) == 0 {
		t.Fatalf("no vectors of kind %s in %s", kind, path)
	}
	return found
}

func TestVectorsSign(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "signed_cookie") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			signer := signed.New([]string{v.Inputs.Secret})
			escaped := string(signed.AppendEscaped(nil, signer.Sign(v.Inputs.Value)))
			line, _, _ := strings.Cut(v.Expected.SetCookie.(string), ";")
			if got := v.Inputs.Name + "=" + escaped; got != line {
				t.Errorf("got  %s\nwant %s", got, line)
			}
			value, _, ok := signer.Verify(escaped)
			if !ok || value != v.Inputs.Value {
				t.Errorf("Verify(own) = %q, %v; want %q, true", value, ok, v.Inputs.Value)
			}
		})
	}
}

func TestVectorsVerify(t *testing.T) {
	t.Parallel()
	// Where we answer otherwise than Better Auth, and why.
	refused := map[string]string{
		"signed-verify-sig-trailing-bits": "SR-15: a signature has one spelling",
	}
	accepted := map[string]string{
		"signed-verify-duplicate-first-junk": "SR-14: junk in front of a good cookie is no denial of service",
	}
	for _, v := range vectors(t, "signed_cookie_verify") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			want, wantOK := v.Expected.Result.(string)
			if refused[v.Name] != "" {
				if !wantOK {
					t.Fatal("listed as our refusal, but Better Auth refuses it too")
				}
				want, wantOK = "", false
			}
			if accepted[v.Name] != "" {
				if wantOK {
					t.Fatal("listed as accepted by us alone, but Better Auth accepts it too")
				}
				want, wantOK = "abcdefghijklmnopqrstuvwxyzABCDEF", true
			}
			signer := signed.New([]string{v.Inputs.Secret})
			got, ok := "", false
			for _, raw := range values(v.Inputs.CookieHeader, v.Inputs.Name) {
				if got, _, ok = signer.Verify(raw); ok {
					break
				}
			}
			if got != want || ok != wantOK {
				t.Errorf("got %q, %v; want %q, %v", got, ok, want, wantOK)
			}
		})
	}
}

// values finds the values of a cookie in a header; package cookiescan is the
// real one.
func values(header, name string) []string {
	var found []string
	for _, entry := range strings.Split(header, ";") {
		key, value, ok := strings.Cut(entry, "=")
		value = strings.TrimSpace(value)
		if ok && strings.TrimSpace(key) == name {
			if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			found = append(found, value)
		}
	}
	return found
}
