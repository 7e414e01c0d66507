// Package ginsession manages sessions for Gin: it issues, loads, renews, lists
// and revokes them, and serves the routes that a front end needs to do the
// same. It speaks Better Auth's session protocol, so that the official client
// from npm works against it unmodified, and a Gin service and a Better Auth
// server can share one database, one secret and one cookie.
//
//	sessions, err := ginsession.New(ginsession.Config{
//		Secret:  os.Getenv("SESSION_SECRET"),
//		BaseURL: os.Getenv("BASE_URL"),
//		DB:      db, // models.OpenMySQL(dsn), or any *gorm.DB
//	})
//	if err != nil { … }
//	defer sessions.Close()
//	sessions.StartPurge(ctx)
//	router.Use(sessions.Middleware())
//	sessions.Routes(router.Group("/api/auth"))
//
//	router.POST("/login", sessions.RequireOrigin(), func(c *gin.Context) {
//		user, ok := checkPassword(c) // the application's own business
//		if !ok { … }
//		if _, err := sessions.SignIn(c, user.ID); err != nil { … }
//	})
//	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
//		c.JSON(http.StatusOK, ginsession.From(c).User)
//	})
//
// # Words
//
// A session is a row in a table: one user, signed in on one device. Its token
// is the secret in the session cookie, signed; its handle is what JSON calls it
// by, good for revoking and for nothing else. A session expires; reading it
// renews it now and then. It is fresh for a while after it was created, not
// after it was renewed. The store is the truth about sessions; the cookie cache
// is a signed copy in a second cookie, which saves store reads and may be
// Config.CookieCache.MaxAge old; a revocation feed tells processes which copies
// not to believe. With MultiSession a device holds several sessions, one of them
// active, each in a device cookie of its own. Additional fields are columns of
// the application's, declared in a models.Schema.
//
// # What to call
//
// Once, at the start: [New], [Manager.Middleware], [Manager.Routes],
// [Manager.StartPurge], and [Manager.Close] at the end.
//
// In front of routes, as guards: [Manager.RequireSession] for most,
// [Manager.RequireStore] for what authorises, [Manager.RequireFresh] for what is
// dangerous, [Manager.RequireOrigin] for every POST of the application's own.
//
// In handlers: [From] gives the session, [Manager.Load] also says why there is
// none, [Manager.SignIn] and [Manager.SignOut] begin and end it,
// [Manager.SetFields] writes its additional fields. [Manager.Context] ends with the
// session, for WebSockets and streams; [Manager.DevicesPage] is a page on which
// users see and end their sessions. When somebody proves who they are once more:
//
//   - [Manager.Elevate] if that opens RequireFresh for a while, in the same session;
//   - [Manager.Reauthenticate] if a new session should begin in the place of the old;
//   - [Manager.Rotate] if what they may do has changed, and the token with it;
//   - [Manager.SignIn] if it may be somebody else.
//
// Anywhere else, on a context.Context: [Manager.Create], [Manager.Find],
// [Manager.List], [Manager.Revoke], [Manager.RevokeOthers], [Manager.RevokeAll],
// [Manager.Export], [Manager.Purge], [Manager.TruncateAddresses],
// [Manager.FeedLag].
//
// # Three answers
//
// Asking for a session has three outcomes: there is one, there is none
// ([ErrNoSession]), or the store could not tell ([ErrStore]). The third is
// never taken for the second: guards answer 503, and no cookie is touched. A
// database that is down signs nobody out.
//
// # Where to read on
//
// [Config] explains every option, [Store] what a store must do. Package models
// is the store on GORM with its migration and OpenMySQL; cookiecache holds the
// formats of the copy; sessiontest is for the tests of an application; storetest
// for stores of one's own. Modules beside this one, each with its own
// dependencies: redisstore (sessions in Redis), otelsession (metrics and traces),
// device (names for browsers and systems), cmd/ginsession (a command for
// operators). The folder docs has the rest.
package ginsession
