import { When } from "./When.jsx";
import { answer, auth, useList } from "./auth.js";

// Devices lists the user's sessions, wherever they are. The `token` of each is a
// handle: it names a session and opens none. The token itself is in an HttpOnly
// cookie, out of JavaScript's sight.
export function Devices({ current, act, busy, report, refetch }) {
  const [sessions, reload] = useList(() => auth.listSessions(), report);
  const own = (s) => s.id === current.id;
  const sorted = sessions.toSorted((a, b) => own(b) - own(a) || b.createdAt - a.createdAt);

  // The client asks for the session again after each revocation. If it was this
  // one, the whole list goes.
  const revoke = (s) => act(async () => {
    await answer(auth.revokeSession({ token: s.token }));
    if (!own(s)) await reload();
  });
  const revokeOthers = () => act(async () => {
    await answer(auth.revokeOtherSessions());
    await reload();
  });
  const revokeAll = () => act(() => answer(auth.revokeSessions()));
  const refresh = () => act(() => Promise.all([reload(), refetch()]));

  return (
    <section className="card" aria-labelledby="devices">
      <h2 id="devices">Your devices</h2>
      <ul>
        {sorted.map((s) => {
          const name = nameOf(s.userAgent ?? "");
          return (
            <li key={s.id}>
              <div>
                <strong>{name}</strong> {own(s) && <span className="badge">this device</span>}
                <p className="hint">{s.ipAddress || "unknown address"} since <When date={s.createdAt} /></p>
              </div>
              <button type="button" disabled={busy} aria-label={`Sign out ${name}${own(s) ? ", this device" : ""}`} onClick={() => revoke(s)}>
                Sign out
              </button>
            </li>
          );
        })}
      </ul>
      <div className="actions">
        <button type="button" disabled={busy} onClick={refresh}>Refresh</button>
        {sessions.length > 1 && <button type="button" disabled={busy} onClick={revokeOthers}>Sign out all others</button>}
        <button type="button" disabled={busy} onClick={revokeAll}>Sign out everywhere</button>
      </div>
    </section>
  );
}

// nameOf makes "Firefox on Linux" of a user agent, roughly.
function nameOf(agent) {
  const first = (table) => table.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = first([[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"]]);
  const system = first([[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]]);
  return browser && system ? `${browser} on ${system}` : agent.slice(0, 60) || "Unknown device";
}
