package redisstore

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// An active is one line of a user's list of sessions.
type active struct {
	Token     string `json:"token"`
	ExpiresAt int64  `json:"expiresAt"` // milliseconds
}

// parseList reads a list; what is none is empty, as for a Better Auth server.
func parseList(raw string) []active {
	var list []active
	if json.Unmarshal([]byte(raw), &list) != nil {
		return nil
	}
	return list
}

func listText(list []active) string {
	dst := []byte{'['}
	for i, a := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(append(dst, `{"token":`...), a.Token)
		dst = append(dst, `,"expiresAt":`...)
		dst = append(strconv.AppendInt(dst, a.ExpiresAt, 10), '}')
	}
	return string(append(dst, ']'))
}

// seconds is a key's time to live, for something that expires at the given time.
// Nothing positive is left of what has expired.
func seconds(expires, now time.Time) int64 { return expires.Sub(now).Milliseconds() / 1000 }

// listed reads the tokens of a user's list, each once.
func (s *Store) listed(ctx context.Context, userID string) ([]string, error) {
	raw, err := s.redis.get(ctx, s.redis.listKey(userID))
	if err != nil {
		return nil, err
	}
	var tokens []string
	seen := make(map[string]bool)
	for _, a := range parseList(raw) {
		if !seen[a.Token] && possible(a.Token) {
			seen[a.Token] = true
			tokens = append(tokens, a.Token)
		}
	}
	return tokens, nil
}

// enlist puts a session into its user's list, or moves it there.
//
// A session that ends meanwhile must not be left in the list: its end may have
// taken it out before this put it in. So whoever puts one in looks whether it is
// still there, and the other way round sessions end first and leave the list then.
func (s *Store) enlist(ctx context.Context, userID, token string, expires time.Time) error {
	return s.editList(ctx, userID, func(list []active) []active {
		list = slices.DeleteFunc(list, func(a active) bool { return a.Token == token })
		return append(list, active{token, expires.UnixMilli()})
	})
}

// relist is enlist for a session that exists.
func (s *Store) relist(ctx context.Context, userID, token string, expires time.Time) error {
	if err := s.enlist(ctx, userID, token, expires); err != nil {
		return err
	}
	raw, err := s.redis.get(ctx, s.redis.tokenKey(token))
	if err == nil && raw == "" {
		return s.delist(ctx, userID, token)
	}
	return err
}

// delist takes sessions out of their user's list.
func (s *Store) delist(ctx context.Context, userID string, tokens ...string) error {
	return s.editList(ctx, userID, func(list []active) []active {
		return slices.DeleteFunc(list, func(a active) bool { return slices.Contains(tokens, a.Token) })
	})
}

// editList changes a list by compare and set, until nobody else changed it in
// between: of deletions at once, which a Better Auth server runs in parallel, none
// is lost. What has expired leaves the list at every write.
func (s *Store) editList(ctx context.Context, userID string, edit func([]active) []active) error {
	key := s.redis.listKey(userID)
	for {
		raw, err := s.redis.get(ctx, key)
		if err != nil {
			return err
		}
		now := s.now()
		list := edit(parseList(raw))
		list = slices.DeleteFunc(list, func(a active) bool { return a.ExpiresAt <= now.UnixMilli() })
		slices.SortStableFunc(list, func(a, b active) int { return int(min(max(a.ExpiresAt-b.ExpiresAt, -1), 1)) })
		text, kept := "", int64(0)
		if len(list) > 0 {
			if kept = seconds(time.UnixMilli(list[len(list)-1].ExpiresAt), now); kept > 0 {
				text = listText(list)
			}
		}
		if raw == "" && text == "" {
			return nil
		}
		swapped, err := s.redis.run(ctx, swapScript, []string{key}, raw, text, kept)
		if err != nil || swapped == 1 {
			return err
		}
	}
}
