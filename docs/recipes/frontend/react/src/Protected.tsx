import type { ReactNode } from "react";
import { auth, type Session } from "./auth";

// Protected shows its children to whoever is signed in. All useSession share one
// request and one state, so there is no provider.
export function Protected({ children }: { children: (session: Session) => ReactNode }) {
  const { data, error, isPending, refetch } = auth.useSession();
  if (data) return children(data);
  if (isPending) return <p role="status">One moment…</p>;
  if (error && error.status !== 401) {
    // The server did not say that nobody is signed in: it said nothing.
    return <p role="alert">The server does not answer. <button onClick={() => refetch()}>Try again</button></p>;
  }
  return <a href="/login">Sign in</a>;
}
