import { useState } from "react";
import { SignIn } from "./SignIn.jsx";
import { answer, auth, useList } from "./auth.js";

// Accounts lists who is signed in in this browser, one session each. One of them
// is active. The suite's Config must have MultiSession enabled.
export function Accounts({ current, act, busy, report, refetch }) {
  const [accounts, reload] = useList(() => auth.multiSession.listDeviceSessions(), report);
  const [adding, setAdding] = useState(false);
  const sorted = accounts.toSorted((a, b) => a.user.email.localeCompare(b.user.email));

  const activate = (session) => act(async () => {
    try {
      await answer(auth.multiSession.setActive({ sessionToken: session.token }));
    } catch (error) {
      await reload(); // it was ended elsewhere
      throw error;
    }
  });

  // Ending the active session activates another. The client asks for the session
  // again after setActive, but not after this call.
  const end = (session) => act(async () => {
    await answer(auth.multiSession.revoke({ sessionToken: session.token }));
    await Promise.all([reload(), refetch()]);
  });

  return (
    <section className="card" aria-labelledby="accounts">
      <h2 id="accounts">Accounts in this browser</h2>
      <ul>
        {sorted.map(({ session, user }) => {
          const active = session.id === current.id;
          return (
            <li key={session.id}>
              <div>
                <strong>{user.name}</strong> {active && <span className="badge">active</span>}
                <p className="hint">{user.email}</p>
              </div>
              <div className="buttons">
                {!active && <button type="button" disabled={busy} aria-label={`Switch to ${user.name}`} onClick={() => activate(session)}>Switch</button>}
                <button type="button" disabled={busy} aria-label={`Sign out ${user.name}`} onClick={() => end(session)}>Sign out</button>
              </div>
            </li>
          );
        })}
      </ul>
      <div className="actions">
        {adding ? <SignIn act={act} busy={busy} /> : <button type="button" onClick={() => setAdding(true)}>Add an account</button>}
      </div>
    </section>
  );
}
