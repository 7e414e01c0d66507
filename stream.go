package ginsession

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// SessionEvents streams the end of a session to the pages that it has open, so
// that all tabs of a browser show a sign-out, by whatever device or process.
type SessionEvents struct {
	// Enabled lets Routes mount GET /session-events. Default off.
	Enabled bool

	// MaxStreams bounds the streams that are open in this process at the same time,
	// each of which holds a connection and a goroutine; of one session there may be
	// 16. Beyond them the answer is 503 with Retry-After. Default 1000.
	MaxStreams int
}

const (
	// streamsOfSession is how many streams one session may have open: tabs.
	streamsOfSession = 16
	// streamBeat is how often a stream says something: proxies close silent ones,
	// and clients that are gone are noticed no sooner.
	streamBeat = 15 * time.Second
	// streamWrite bounds one write.
	streamWrite = 10 * time.Second
)

func (s SessionEvents) check(f *faults) int {
	switch {
	case s.MaxStreams < 0:
		f.add("SessionEvents.MaxStreams is %d, negative: leave it zero for 1000", s.MaxStreams)
	case s.MaxStreams > 0 && !s.Enabled:
		f.add("SessionEvents.MaxStreams is set, but SessionEvents.Enabled is not: set it")
	case s.Enabled && s.MaxStreams == 0:
		return 1000
	}
	return s.MaxStreams
}

// streams counts those that are open.
type streams struct {
	mu    sync.Mutex
	all   int
	ofOne map[string]int // by session id
}

// enter reports whether one more may open, which leave must close.
func (s *streams) enter(sessionID string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= most || s.ofOne[sessionID] >= streamsOfSession {
		return false
	}
	if s.ofOne == nil {
		s.ofOne = map[string]int{}
	}
	s.all++
	s.ofOne[sessionID]++
	return true
}

func (s *streams) leave(sessionID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.ofOne[sessionID]--; s.ofOne[sessionID] == 0 {
		delete(s.ofOne, sessionID)
	}
}

// sessionEvents serves GET /session-events: server-sent events for as long as the
// session lives. It renews nothing.
//
//	200 text/event-stream            one event at the session's end:
//	                                 event: ended
//	                                 data: {"reason":"signed out"}
//	401 UNAUTHORIZED                 upon which EventSource does not come again
//	503 SERVICE_UNAVAILABLE          the store did not answer, or too many streams
func (m *Manager) sessionEvents(c *gin.Context) {
	p := m.present(c.Request)
	o, ok := m.caller(m.bounded(c.Request.Context()), c, &p, how{confirm: true, noRefresh: true})
	if !ok {
		return
	}
	if !m.streams.enter(o.row.ID, m.maxStreams) {
		refuse(c, unavailable)
		return
	}
	defer m.streams.leave(o.row.ID)
	m.know(c, loaded{session: m.session(o.row, o.user, false)})
	ctx := m.Context(c)

	connection := http.NewResponseController(c.Writer)
	_ = connection.SetReadDeadline(time.Time{}) // the server's may be shorter than a session; some writers have none
	say := func(text string) error {
		_ = connection.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := c.Writer.WriteString(text); err != nil {
			return err
		}
		return connection.Flush()
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h["X-Content-Type-Options"] = noSniff
	h.Set("X-Accel-Buffering", "no") // nginx
	c.Writer.WriteHeader(http.StatusOK)
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for text := "retry: 2000\n\n"; say(text) == nil; text = ":\n\n" {
		select {
		case <-beat.C:
		case <-ctx.Done():
			var ended *EndedError
			if errors.As(context.Cause(ctx), &ended) {
				_ = say("event: ended\ndata: " + string(append(appendText([]byte("{"), "reason", string(ended.Reason)), '}')) + "\n\n")
			}
			return
		}
	}
}
