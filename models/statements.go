package models

import (
	"fmt"
	"regexp"
	"strings"
)

// statements are the texts that stand beside the methods, written for the
// database and the schema at hand.
type statements struct {
	find, findMany, reread, list, tokens, page, user string

	create, touch, update, replace string
	set                            []string // of update, for each field of sessions

	revokeToken, revokeOwned, notAfter, revokeUser, revokeOthers string
	delete, preserve, stillAlive                                 string
	expired, purge, purgeBefore, truncate, truncateOf            string

	feedWrite, feedNew, feedRead, feedOld, feedDrop string
}

// A quoter writes a name as the database at hand wants it.
type quoter func(name any) string

func newStatements(quote quoter, d dialect, schema Schema) statements {
	text := func(text string) string { return schema.text(quote, text) }
	fields := columnsOf(quote, "", schema.Session.Fields)
	userFields := columnsOf(quote, "u.", schema.User.Fields)
	found := columnsOf(quote, "s.", schema.Session.Fields) + userFields
	values := strings.Repeat(", ?", len(schema.Session.Fields))
	var set []string
	for _, f := range schema.Session.Fields {
		set = append(set, ", "+quote(f.Column)+" = ?")
	}

	feedWrite, feedNew, feedOld := feedWriteSQLite, feedNewSQLite, feedOldSQLite
	if d == mariadb {
		feedWrite, feedNew, feedOld = feedWriteMySQL, feedNewMySQL, feedOldMySQL
	}
	feed := quote(schema.feedTable())

	byKey, exactly := "", "" // others compare byte for byte anyway
	if d == mariadb {
		byKey, exactly = byPrimaryKey, text(tokenExactly)
	}
	byKeyOf := func(update string) string { return strings.Replace(text(update), " SET ", byKey+" SET ", 1) }
	return statements{
		create:       fmt.Sprintf(text(createSQL), fields, values),
		touch:        byKeyOf(touchSQL),
		update:       byKeyOf(updateSQL) + exactly,
		replace:      byKeyOf(replaceSQL) + exactly,
		set:          set,
		find:         fmt.Sprintf(text(findSQL), found) + "= ?",
		findMany:     fmt.Sprintf(text(findSQL), found) + "IN ",
		reread:       fmt.Sprintf(text(rereadSQL), fields),
		list:         fmt.Sprintf(text(listSQL), fields),
		tokens:       text(tokensSQL),
		page:         fmt.Sprintf(text(pageSQL), fields),
		revokeToken:  text(revokeTokenSQL) + exactly,
		revokeOwned:  text(revokeOwnedSQL) + exactly,
		notAfter:     text(notAfterSQL),
		revokeUser:   text(revokeUserSQL),
		revokeOthers: text(revokeOthersSQL),
		expired:      text(expiredSQL),
		purge:        text(purgeSQL),
		purgeBefore:  text(purgeBeforeSQL),
		truncate:     text(truncateSQL),
		truncateOf:   text(truncateOfSQL),
		user:         fmt.Sprintf(text(userSQL), userFields),
		delete:       text(deleteSQL),
		preserve:     text(preserveSQL),
		stillAlive:   text(stillAliveSQL),
		feedWrite:    fmt.Sprintf(feedWrite, feed),
		feedNew:      fmt.Sprintf(feedNew, feed),
		feedRead:     fmt.Sprintf(feedReadAny, feed),
		feedOld:      fmt.Sprintf(feedOld, feed),
		feedDrop:     fmt.Sprintf(feedDropAny, feed),
	}
}

// In the texts of this package the two tables and their columns have Better
// Auth's names, in double quotes. A column of users stands behind u.
var betterAuthName = regexp.MustCompile(`(\bu\.)?"([A-Za-z]+)"`)

// text puts the schema's names into a text.
func (s Schema) text(quote quoter, text string) string {
	return betterAuthName.ReplaceAllStringFunc(text, func(match string) string {
		alias, name, _ := strings.Cut(match, `"`)
		name = strings.TrimSuffix(name, `"`)
		switch {
		case name == "session":
			return quote(s.Session.Name)
		case name == "user":
			return quote(s.User.Name)
		case alias == "":
			return quote(s.Session.Columns[name])
		case s.User.Columns[name] == Absent:
			return absent[name]
		}
		return alias + quote(s.User.Columns[name])
	})
}

func (s *Store) quote(name any) string { return s.db.Statement.Quote(name) }

// columnsOf are the fields' columns, to be added to others.
func columnsOf(quote quoter, alias string, fields []Field) string {
	list := ""
	for _, f := range fields {
		list += ", " + alias + quote(f.Column)
	}
	return list
}

// marks are the placeholders of a list of n values.
func marks(n int) string { return "(?" + strings.Repeat(", ?", n-1) + ")" }
