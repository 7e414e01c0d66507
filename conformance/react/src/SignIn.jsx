import { answer, auth } from "./auth.js";

// After either call the client itself asks for the session, and useSession has it.

export function SignIn({ act, busy }) {
  const signIn = ({ email, password, rememberMe }) => auth.signIn.email({ email, password, rememberMe: rememberMe === "on" });
  return (
    <form method="post" onSubmit={submit(act, signIn)}>
      <label>E-mail <input name="email" type="email" autoComplete="username" required /></label>
      <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
      <label className="check"><input name="rememberMe" type="checkbox" defaultChecked /> Remember me on this device</label>
      <button type="submit" className="primary" disabled={busy}>Sign in</button>
    </form>
  );
}

export function SignUp({ act, busy }) {
  const signUp = ({ name, email, password }) => auth.signUp.email({ name, email, password });
  return (
    <form method="post" onSubmit={submit(act, signUp)}>
      <label>Name <input name="name" autoComplete="name" maxLength="255" required /></label>
      <label>E-mail <input name="email" type="email" autoComplete="username" required /></label>
      <label>
        Password <input name="password" type="password" autoComplete="new-password" minLength="8" maxLength="128" aria-describedby="rule" required />
      </label>
      <p id="rule" className="hint">8 to 128 characters.</p>
      <button type="submit" className="primary" disabled={busy}>Create account</button>
    </form>
  );
}

function submit(act, call) {
  return (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.currentTarget));
    act(() => answer(call(fields)));
  };
}
