import { type FormEvent, useState } from "react";
import { signIn } from "./auth";

// Login asks who it is, and calls onSignedIn once the service knows.
export function Login({ onSignedIn }: { onSignedIn: () => void }) {
  const [problem, setProblem] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      await signIn(String(form.get("email")), String(form.get("password")));
      onSignedIn();
    } catch (error) {
      setProblem((error as Error).message);
    }
  }

  return (
    <form onSubmit={submit}>
      {problem && <p role="alert">{problem}</p>}
      <label>E-mail address <input name="email" type="email" autoComplete="username" required /></label>
      <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
      <button>Sign in</button>
    </form>
  );
}
