import { getSessionCookie } from "better-auth/cookies";

// proxy spares those without a session cookie a page that would send them away. It
// proves nothing: anybody can make up a cookie. (Before Next.js 16 the file is
// called middleware.ts, and the function middleware.)
export function proxy(request: Request) {
  if (!getSessionCookie(request)) return Response.redirect(new URL("/login", request.url));
}

export const config = { matcher: ["/account/:path*"] };
