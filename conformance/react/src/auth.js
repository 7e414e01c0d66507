import { useEffect, useState } from "react";
import { multiSessionClient } from "better-auth/client/plugins";
import { createAuthClient } from "better-auth/react";
import { sessionEvents } from "./sessionEvents.js";

// The suite answers under /api/auth of the page's own origin, where the client
// looks for it unless told otherwise.
const live = new URLSearchParams(location.search).has("live"); // the service has SessionEvents
export const auth = createAuthClient({ plugins: [multiSessionClient(), ...(live ? [sessionEvents()] : [])] });

// answer takes what a call of the client promises and returns its data, or
// throws an Error whose message is fit to be shown.
export async function answer(call) {
  const { data, error } = await call.catch(() => ({ error: { message: "The server cannot be reached." } }));
  if (error) throw Object.assign(new Error(error.message ?? `The server answered ${error.status}.`), { code: error.code });
  return data;
}

// useList asks for a list once, and again whenever reload is called.
export function useList(ask, report) {
  const [list, setList] = useState([]);
  const reload = async () => setList(await answer(ask()));
  useEffect(() => { reload().catch(report); }, []);
  return [list, reload];
}
