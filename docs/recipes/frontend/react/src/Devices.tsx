import { useEffect, useState } from "react";
import { answer, auth, type Session } from "./auth";

// Devices lists where the user is signed in, and signs other devices out. The
// `token` of each is a handle: it names a session, and opens none.
export function Devices({ current }: { current: Session }) {
  const { refetch } = auth.useSession();
  const [devices, setDevices] = useState<Session["session"][]>([]);
  const [problem, setProblem] = useState("");

  async function act(call?: () => Promise<unknown>) {
    try {
      await call?.();
      setDevices((await answer(auth.listSessions())).sort((a, b) => +b.createdAt - +a.createdAt));
      setProblem("");
    } catch (error) {
      const { status, message } = error as Error & { status: number };
      if (status === 401) await refetch(); // ended elsewhere: the page follows
      else setProblem(message);
    }
  }
  useEffect(() => void act(), []);

  return (
    <section>
      {problem && <p role="alert">{problem}</p>}
      <ul>
        {devices.map((device) => (
          <li key={device.id}>
            {device.userAgent || "Unknown device"}, {/[1-9a-f]/.test(device.ipAddress ?? "") ? device.ipAddress : "unknown address"}, since {device.createdAt.toLocaleString()}{" "}
            {device.id === current.session.id
              ? <em>this device</em>
              : <button onClick={() => act(() => answer(auth.revokeSession({ token: device.token })))}>Sign out</button>}
          </li>
        ))}
      </ul>
      {devices.length > 1 && <button onClick={() => act(() => answer(auth.revokeOtherSessions()))}>Sign out all others</button>}
    </section>
  );
}
