const service = process.env.SERVICE_URL ?? "http://localhost:8080";

export type Session = {
  session: { id: string; userId: string; createdAt: string; expiresAt: string };
  user: { id: string; name: string; email: string; image: string | null };
};

// fetchSession asks the Gin service whose request this is. Null is its answer that
// nobody is signed in. If it does not answer, fetchSession throws: that signs nobody out.
export async function fetchSession(request: Pick<Headers, "get">): Promise<Session | null> {
  const response = await fetch(`${service}/api/auth/get-session?disableRefresh=true`, {
    headers: { cookie: request.get("cookie") ?? "" },
    cache: "no-store",
  });
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  return response.json();
}
