import { useState } from "react";
import { Accounts } from "./Accounts.jsx";
import { Devices } from "./Devices.jsx";
import { SignIn, SignUp } from "./SignIn.jsx";
import { When } from "./When.jsx";
import { answer, auth } from "./auth.js";

export function App() {
  const session = auth.useSession();
  const [known, setKnown] = useState(null);
  const [notice, setNotice] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  // With nobody signed in, the client says "pending" whenever it asks again, as
  // it does when the tab comes to the front. The page then keeps what it knew:
  // a form must not forget what was typed.
  if (!session.isPending && session !== known) {
    setKnown(session);
    if (known?.data && !session.data) setNotice("You are signed out.");
  }

  // report shows what went wrong, unless it is that this session was ended
  // elsewhere: then useSession asks again, and the page follows.
  function report(error) {
    if (error.code === "UNAUTHORIZED") session.refetch();
    else setProblem(error.message);
  }

  // act does what a button or a form is for.
  async function act(what) {
    setNotice("");
    setProblem("");
    setBusy(true);
    await what().catch(report);
    setBusy(false);
  }

  const page = { busy, act, report, refetch: session.refetch };
  return (
    <>
      <header>
        <h1>ginsession <small>with React</small></h1>
        {known?.data && <button type="button" disabled={busy} onClick={() => act(() => answer(auth.signOut()))}>Sign out</button>}
      </header>
      <main>
        {problem && <p className="message error" role="alert">{problem}</p>}
        {notice && <p className="message" role="status">{notice}</p>}
        {known ? <View data={known.data} error={known.error} {...page} /> : <p className="message" role="status">One moment…</p>}
      </main>
    </>
  );
}

// View shows what useSession knows. No data does not mean nobody: with an error
// other than 401, the server did not say.
function View({ data, error, ...page }) {
  const lost = error && error.status !== 401 && (
    <p className="message error" role="alert">
      The server does not answer. <button type="button" onClick={() => page.refetch()}>Try again</button>
    </p>
  );
  if (data) return <>{lost}<SignedIn key={data.session.id} {...data} {...page} /></>;
  if (lost) return lost;
  return (
    <div className="columns">
      <section className="card" aria-labelledby="sign-in">
        <h2 id="sign-in">Sign in</h2>
        <SignIn {...page} />
      </section>
      <section className="card" aria-labelledby="sign-up">
        <h2 id="sign-up">Create an account</h2>
        <SignUp {...page} />
      </section>
    </div>
  );
}

function SignedIn({ session, user, ...page }) {
  return (
    <div className="columns">
      <div className="column">
        <section className="card" aria-labelledby="this-session">
          <h2 id="this-session">This session</h2>
          <p className="who"><strong>{user.name}</strong><br /><span>{user.email}</span></p>
          <dl>
            <div><dt>Signed in</dt><dd><When date={session.createdAt} /></dd></div>
            <div><dt>Expires</dt><dd><When date={session.expiresAt} /></dd></div>
          </dl>
        </section>
        <Accounts current={session} {...page} />
      </div>
      <Devices current={session} {...page} />
    </div>
  );
}
