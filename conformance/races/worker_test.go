package races_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// begin is when the clocks start. Rounds of 10,000 and a few minutes each stay
// far below 2038, where MySQL's TIMESTAMP ends.
var begin = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// A worker runs rounds one after the other, for a user of its own, on two nodes
// of its own; what it shares with the other workers is the database.
type worker struct {
	db         *gorm.DB
	cached     bool
	user       string
	a, b       *node
	usual      time.Duration    // how long a race takes
	known      []string         // the user and the neighbours
	bystanders []models.Session // the neighbours', which no round may touch
}

func newWorker(t *testing.T, db *gorm.DB, number int, cached bool) *worker {
	t.Helper()
	w := &worker{db: db, cached: cached, user: fmt.Sprintf("user%d", number), usual: time.Millisecond}
	config := func(c *ginsession.Config) {
		c.DB = heard(db)
		c.CookieCache.Enabled, c.CookieCache.NoFeed = cached, true
	}
	w.a, w.b = newNode(t, "node a", config), newNode(t, "node b", config)
	w.a.clock.set(begin)
	w.b.clock.set(begin)
	// Ids around the user's: a lock or a condition that is too wide meets them.
	neighbours := []string{w.user + "+", strings.ToUpper(w.user)[:len(w.user)-1] + "x" + w.user[len(w.user)-1:]}
	w.known = append([]string{w.user}, neighbours...)
	for _, id := range w.known {
		insert(t, db, &models.User{ID: id, Name: id, Email: id + "@example.com", CreatedAt: begin, UpdatedAt: begin})
	}
	for i, id := range append(neighbours, neighbours...) {
		row := models.Session{
			ID:        fmt.Sprintf("%s-%d", id, i),
			Token:     strings.Repeat("B", 20) + fmt.Sprintf("%d%d", number, i),
			UserID:    id,
			ExpiresAt: time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC),
			CreatedAt: begin,
			UpdatedAt: begin,
		}
		insert(t, db, &row)
		w.bystanders = append(w.bystanders, row)
	}
	return w
}

func insert(t *testing.T, db *gorm.DB, row any) {
	t.Helper()
	if err := db.Create(row).Error; err != nil {
		t.Fatal(err)
	}
}

// pass moves both clocks.
func (w *worker) pass(d time.Duration) {
	w.a.clock.pass(d)
	w.b.clock.pass(d)
}

// set stops both clocks at a moment.
func (w *worker) set(at time.Time) {
	w.a.clock.set(at)
	w.b.clock.set(at)
}

// nodes are the two on which a round's rivals act: of four rounds two have both
// on one node, where they may share a read, one on either.
func (w *worker) nodes(number int) (one, other *node) {
	switch number / 8 % 4 {
	case 0:
		return w.a, w.b
	case 1:
		return w.b, w.a
	case 2:
		return w.a, w.a
	default:
		return w.b, w.b
	}
}

// rows are the user's sessions as the table has them. It asserts that those of
// others are as they were.
func (w *worker) rows() ([]models.Session, error) {
	var rows []models.Session
	if err := w.db.Where(map[string]any{"userId": w.known}).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	for _, want := range w.bystanders {
		i := slices.IndexFunc(rows, func(got models.Session) bool { return sameRow(got, want) })
		if i < 0 {
			return nil, fmt.Errorf("somebody else's session %s was touched", want.ID)
		}
		rows = slices.Delete(rows, i, i+1)
	}
	return rows, nil
}

// row is the device's, nil if there is none.
func (w *worker) row(d *device) (*models.Session, error) {
	rows, err := w.rows()
	i := slices.IndexFunc(rows, func(s models.Session) bool { return s.ID == d.ID })
	if err != nil || i < 0 {
		return nil, err
	}
	return &rows[i], nil
}

// clear ends what a round leaves behind.
func (w *worker) clear() error {
	return w.db.Where(map[string]any{"userId": w.user}).Delete(&models.Session{}).Error
}

func sameRow(a, b models.Session) bool {
	return a.ID == b.ID && a.Token == b.Token && a.UserID == b.UserID &&
		a.ExpiresAt.Equal(b.ExpiresAt) && a.CreatedAt.Equal(b.CreatedAt) && a.UpdatedAt.Equal(b.UpdatedAt)
}
