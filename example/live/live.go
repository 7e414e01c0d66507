// Package live shows work that ends with the session it was begun in: a WebSocket
// and a stream of server-sent events. Mount both behind a guard.
package live

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Echo sends each message of a WebSocket back until the session ends. Then it
// closes the socket with status 1008 and the reason.
func Echo(sessions *ginsession.Manager) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx := sessions.Context(c)
		socket, err := websocket.Accept(c.Writer, c.Request, nil) // of our own origin only
		if err != nil {
			return // it has answered
		}
		defer socket.CloseNow()
		stop := context.AfterFunc(ctx, func() { // a Read whose context ends would cut the line without a word
			if reason, ended := why(ctx); ended {
				_ = socket.Close(websocket.StatusPolicyViolation, reason)
			} else {
				_ = socket.Close(websocket.StatusTryAgainLater, "")
			}
		})
		defer stop()
		for {
			kind, message, err := socket.Read(context.WithoutCancel(ctx))
			if err != nil {
				return
			}
			if err := socket.Write(ctx, kind, message); err != nil {
				return
			}
		}
	}
}

// Clock sends the time every second until the session ends, and then an event
// "ended" with the reason.
func Clock(sessions *ginsession.Manager) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx := sessions.Context(c)
		_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Time{}) // the server's is for ordinary answers
		for {
			c.SSEvent("time", time.Now().UTC().Format(time.RFC3339))
			c.Writer.Flush()
			select {
			case <-time.After(time.Second):
				continue
			case <-ctx.Done():
			}
			if reason, ended := why(ctx); ended {
				c.SSEvent("ended", reason)
			}
			return
		}
	}
}

// why is the reason for which the session ended, if that is what ended ctx.
func why(ctx context.Context) (string, bool) {
	var ended *ginsession.EndedError
	if errors.As(context.Cause(ctx), &ended) {
		return string(ended.Reason), true
	}
	return "", false
}
