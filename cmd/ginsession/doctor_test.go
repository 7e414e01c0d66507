package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/models"
)

func TestSurveyIsJudged(t *testing.T) {
	well := models.Survey{
		Isolation: "READ-COMMITTED", TimeZone: "+00:00", ServerTimeZone: "UTC", Collation: "ascii_bin", HasFeed: true,
		Asked: noon, Now: noon.Add(time.Millisecond), Answered: noon.Add(2 * time.Millisecond),
	}
	tests := []struct {
		name   string
		change func(*models.Survey)
		want   string // the check that is not ok, and its result
	}{
		{"well", func(*models.Survey) {}, ""},
		{"no feed", func(s *models.Survey) { s.HasFeed = false }, "revocation feed warn"},
		{"collation that ignores case", func(s *models.Survey) { s.Collation = "utf8mb4_0900_ai_ci" }, "collation warn"},
		{"no table", func(s *models.Survey) { s.Collation = "" }, ""},
		{"zone of the connection", func(s *models.Survey) { s.TimeZone = "SYSTEM" }, "time zone fail"},
		{"zone of the server", func(s *models.Survey) { s.ServerTimeZone = "CET" }, "time zone warn"},
		{"isolation", func(s *models.Survey) { s.Isolation = "REPEATABLE-READ" }, "isolation fail"},
		{"a slow answer", func(s *models.Survey) { s.Answered = noon.Add(time.Hour) }, ""},
		{"a little ahead", func(s *models.Survey) { s.Now = noon.Add(5 * time.Second) }, "clock warn"},
		{"a little behind", func(s *models.Survey) { s.Now = noon.Add(-5 * time.Second) }, "clock warn"},
		{"far behind", func(s *models.Survey) { s.Now = noon.Add(-time.Hour) }, "clock fail"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			survey := well
			test.change(&survey)
			var got []string
			for _, one := range judgeSurvey(survey) {
				if one.Result != resultOK {
					got = append(got, one.Name+" "+one.Result)
				}
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestClockSaysWhichIsAhead(t *testing.T) {
	for difference, want := range map[time.Duration]string{5 * time.Second: "is 5s ahead of", -time.Hour: "is 1h0m0s behind"} {
		if got := judgeClock(models.Survey{Asked: noon, Now: noon.Add(difference), Answered: noon}); !strings.Contains(got.Text, want) {
			t.Errorf("got %q, want %q", got.Text, want)
		}
	}
}

func TestSecretsOfWordsAreDoubted(t *testing.T) {
	for secret, want := range map[string]string{
		"correct-horse-battery-staple-and-more":        resultWarn,
		"abababababababababababababababababababab1":    resultWarn,
		"d41d8cd98f00b204e9800998ecf8427e":             resultOK, // hexadecimal
		"n7Qm2vXc0bT9kLr4wZs8yHj1dGf6pEaUoi3tRqNB5uM=": resultOK,
	} {
		checks := environment{secret: secret}.checkSecrets("secret")
		if len(checks) != 1 || checks[0].Result != want {
			t.Errorf("%s: got %v, want %s", secret, checks, want)
		}
	}
}
