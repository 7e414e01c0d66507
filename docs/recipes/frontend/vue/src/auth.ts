import { multiSessionClient } from "better-auth/client/plugins";
import { createAuthClient } from "better-auth/vue";

// Without a baseURL the client calls /api/auth of the page's own origin.
export const auth = createAuthClient({ plugins: [multiSessionClient()] });

export type Session = typeof auth.$Infer.Session;

// answer waits for a call of the client and returns its data, or throws an Error
// that is fit to be shown.
export async function answer<T>(call: Promise<{ data: T | null; error: { status: number; message?: string } | null }>): Promise<T> {
  const { data, error } = await call.catch(() => ({ data: null, error: { status: 0, message: "The server cannot be reached." } }));
  if (error) throw Object.assign(new Error(error.message ?? `The server answered ${error.status}.`), { status: error.status });
  return data as T;
}

// signIn calls a route of the application's own, which checks the password and
// calls SignIn. The client does not know of it, and is told to ask again.
export async function signIn(email: string, password: string): Promise<void> {
  const response = await fetch("/api/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  if (!response.ok) throw new Error([401, 403].includes(response.status) ? "Wrong e-mail address or password." : "Please try again.");
  auth.$store.notify("$sessionSignal");
}
