import { getCookieCache } from "better-auth/cookies";

// cachedSession reads the cookie cache, without asking anybody. Null does not mean
// that nobody is signed in: copies live for minutes, and are made by the service.
export async function cachedSession(request: Request | Headers) {
  return getCookieCache(request, {
    secret: process.env.SESSION_SECRET, // Config.Secret
    strategy: "jwe", // Config.CookieCache.Strategy; Better Auth's default is compact
    isSecure: process.env.BASE_URL?.startsWith("https:") ?? false, // as Config.BaseURL is
  }).catch(() => null); // it throws at some of the copies that are damaged
}
