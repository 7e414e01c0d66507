"use client";

import { createAuthClient } from "better-auth/react";

const auth = createAuthClient();

// KeepAlive asks for the session from the browser, which is where a renewal's
// cookies arrive, and says so when there is none any more.
export function KeepAlive() {
  const { data, error, isPending } = auth.useSession();
  return data || isPending || error ? null : <a href="/login">You are signed out.</a>;
}
