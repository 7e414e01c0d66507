// The page of the example. It speaks the session routes by hand; with the
// official client the same would be authClient.getSession() and its neighbours.
//
// What JavaScript never sees here is the session's token: the cookie is
// HttpOnly, and the `token` in a JSON body is a handle, good for revoking only.

const $ = (id) => document.getElementById(id);
const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// call makes one request. It returns the JSON answer, or throws an Error whose
// message is fit to be shown and whose status is the HTTP status.
async function call(method, path, body) {
  let response, answer;
  try {
    response = await fetch(path, {
      method,
      cache: "no-store",
      ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    answer = await response.json().catch(() => null);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  if (!response.ok) {
    throw Object.assign(new Error(answer?.message ?? `The server answered ${response.status}.`), { status: response.status });
  }
  return answer;
}

const get = (path) => call("GET", path);
const post = (path, body = {}) => call("POST", path, body);

function say(id, text) {
  $(id).textContent = text;
  $(id).hidden = text === "";
}

let signedIn = false; // what the page shows now

// show brings the page in line with the server.
async function show() {
  const current = await get("/api/auth/get-session");
  let sessions, me;
  if (current) {
    try {
      [sessions, me] = await Promise.all([get("/api/auth/list-sessions"), get("/me")]);
    } catch (error) {
      if (error.status !== 401) throw error;
      return show(); // signed out between the requests
    }
    fill(current, sessions, me);
  } else if (signedIn) {
    say("notice", "This device has been signed out.");
  }
  signedIn = current !== null;
  $("signed-in").hidden = $("sign-out").hidden = !signedIn;
  $("signed-out").hidden = signedIn;
}

function fill({ session, user }, sessions, me) {
  $("user-name").textContent = user.name;
  $("user-email").textContent = user.email;
  date($("session-created"), session.createdAt);
  date($("session-expires"), session.expiresAt);
  $("me").textContent = JSON.stringify(me, null, 2);

  const own = (s) => s.id === session.id;
  sessions.sort((a, b) => own(b) - own(a) || b.createdAt.localeCompare(a.createdAt));
  $("devices").replaceChildren(...sessions.map((s) => device(s, own(s))));
  $("revoke-others").hidden = sessions.length < 2;
}

function device(session, own) {
  const item = $("device").content.cloneNode(true).firstElementChild;
  const name = nameOf(session.userAgent ?? "");
  item.querySelector(".name").textContent = name;
  item.querySelector(".badge").hidden = !own;
  const known = /[1-9a-f]/.test(session.ipAddress ?? ""); // of ::1 only zeros are stored
  item.querySelector(".address").textContent = known ? session.ipAddress : "unknown address";
  date(item.querySelector("time"), session.createdAt);
  const button = item.querySelector("button");
  button.setAttribute("aria-label", `Sign out ${name}${own ? ", this device" : ""}`);
  button.addEventListener("click", () => act(button, async () => {
    await post("/api/auth/revoke-session", { token: session.token });
    if (own) signedIn = false; // no news to whoever pressed the button
  }));
  return item;
}

function date(element, iso) {
  element.dateTime = iso;
  element.textContent = when.format(new Date(iso));
}

// nameOf makes "Firefox on Linux" of a user agent, roughly.
function nameOf(agent) {
  const first = (table) => table.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = first([[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"]]);
  const system = first([[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]]);
  return browser && system ? `${browser} on ${system}` : agent.slice(0, 60) || "Unknown device";
}

// act does what a button or form is for, then shows the outcome.
async function act(button, what) {
  say("error", "");
  say("notice", "");
  button.disabled = true;
  try {
    await what();
    await show();
  } catch (error) {
    say("error", error.message);
    if (error.status === 401 && signedIn) await show().catch(() => {}); // signed out elsewhere
  } finally {
    button.disabled = false;
  }
}

function onSubmit(id, path, bodyOf) {
  const form = $(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form.querySelector("button"), async () => {
      await post(path, bodyOf(form.elements));
      form.reset();
    });
  });
}

onSubmit("sign-in", "/api/auth/sign-in/email", (e) => ({ email: e.email.value, password: e.password.value, rememberMe: e.rememberMe.checked }));
onSubmit("sign-up", "/api/auth/sign-up/email", (e) => ({ name: e.name.value, email: e.email.value, password: e.password.value }));

$("sign-out").addEventListener("click", ({ target }) => act(target, async () => {
  await post("/api/auth/sign-out");
  signedIn = false;
}));
$("revoke-others").addEventListener("click", ({ target }) => act(target, () => post("/api/auth/revoke-other-sessions")));
$("refresh").addEventListener("click", ({ target }) => act(target, async () => {}));

// Another tab or device may have signed this one out.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && signedIn) show().catch((error) => say("error", error.message));
});

show().catch((error) => say("error", error.message));
