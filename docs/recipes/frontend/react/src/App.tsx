import { Accounts } from "./Accounts";
import { auth } from "./auth";
import { Devices } from "./Devices";
import { Protected } from "./Protected";

export function App() {
  return (
    <Protected>
      {(current) => (
        <main key={current.session.id}>
          <h1>Hello, {current.user.name}</h1>
          <button onClick={() => auth.signOut()}>Sign out</button>
          <Devices current={current} />
          <Accounts current={current} /> {/* with Config.MultiSession only */}
        </main>
      )}
    </Protected>
  );
}
