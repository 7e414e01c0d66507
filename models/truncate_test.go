package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testdb"
)

// On the table of a MySQL with its old defaults, too, where each write of a row
// moves its expiry.
func TestAddressesAreTruncatedAndNothingElse(t *testing.T) {
	for name, alter := range map[string]string{
		"ours":        "",
		"old default": "ALTER TABLE session MODIFY expiresAt timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openMySQL(t, testdb.MySQL(t, utf8mb4))
			migrate(t, db)
			if alter != "" {
				exec(t, db, alter)
			}
			store := newStore(t, db)
			session := seed(t, db)
			const sessions = 1100 // three calls and a last one
			want := map[string]string{session.ID: ""}
			for i := range sessions {
				added := session
				added.ID, added.Token = fmt.Sprintf("t%04d", i), fmt.Sprintf("%st%04d", secret, i)
				address := fmt.Sprintf("203.0.%d.%d", i/256, i%256)
				want[added.ID] = fmt.Sprintf("203.0.%d.0", i/256)
				switch i % 10 {
				case 7:
					address, want[added.ID] = "2001:0db8:0001:0002:0000:0000:0000:0000", "2001:0db8:0001:0000:0000:0000:0000:0000"
				case 8:
					address, want[added.ID] = "not an address", ""
				case 9:
					added.CreatedAt = moment.Add(time.Millisecond) // too young
					want[added.ID] = address
				}
				added.IPAddress = &address
				if err := store.Create(t.Context(), added); err != nil {
					t.Fatal(err)
				}
			}

			changed, calls := 0, 0
			truncate := func() {
				t.Helper()
				for after := ""; ; calls++ {
					next, n, err := store.TruncateAddresses(t.Context(), moment.Add(time.Millisecond), after)
					if err != nil {
						t.Fatal(err)
					}
					changed += n
					if next == "" {
						return
					}
					after = next
				}
			}
			truncate()
			unchanged := 0 // 203.0.x.0
			for i := range sessions {
				if i%256 == 0 && i%10 < 7 {
					unchanged++
				}
			}
			if most := sessions*9/10 - unchanged; changed != most || calls != 3 {
				t.Errorf("%d changed by %d calls, want %d by 3", changed, calls, most)
			}
			for after := ""; ; {
				page, err := store.Page(t.Context(), after, 0)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				for _, row := range page {
					after = row.ID
					got := ""
					if row.IPAddress != nil {
						got = *row.IPAddress
					}
					if got != want[row.ID] || !row.ExpiresAt.Equal(session.ExpiresAt) || !row.UpdatedAt.Equal(session.UpdatedAt) {
						t.Fatalf("%s: got %q, %v, %v, want %q, %v, %v", row.ID, got, row.ExpiresAt, row.UpdatedAt, want[row.ID], session.ExpiresAt, session.UpdatedAt)
					}
				}
			}
			changed = 0
			if truncate(); changed != 0 {
				t.Errorf("%d changed twice", changed)
			}
			if _, _, err := store.TruncateAddresses(t.Context(), time.Time{}, ""); err == nil || !strings.Contains(err.Error(), "truncate addresses") {
				t.Errorf("got %v for the zero time", err)
			}
		})
	}
}
