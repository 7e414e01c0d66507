import { useEffect, useState } from "react";
import { answer, auth, type Session } from "./auth";

// Accounts lists who is signed in in this browser, and changes the active one.
// It needs Config.MultiSession.
export function Accounts({ current }: { current: Session }) {
  const [accounts, setAccounts] = useState<Session[]>([]);
  const load = async () => setAccounts(await answer(auth.multiSession.listDeviceSessions()));
  useEffect(() => void load().catch(() => setAccounts([])), [current.session.id]);

  // The client asks for the session again after setActive; whoever shows it follows.
  const activate = (account: Session) =>
    answer(auth.multiSession.setActive({ sessionToken: account.session.token })).catch(load);

  return (
    <ul>
      {accounts.map((account) => (
        <li key={account.session.id}>
          {account.user.name}{" "}
          {account.session.id !== current.session.id && <button onClick={() => activate(account)}>Switch</button>}
        </li>
      ))}
    </ul>
  );
}
