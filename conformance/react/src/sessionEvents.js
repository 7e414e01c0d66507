// sessionEvents is a plugin of the client: useSession follows as soon as the
// session ends, wherever that was done. The service must have SessionEvents enabled.
export const sessionEvents = (url = "/api/auth/session-events") => ({
  id: "session-events",
  getActions(_fetch, store) {
    let id, events;
    if (typeof window !== "undefined") store.listen("session", ({ data, isRefetching }) => {
      if (isRefetching || data?.session.id === id) return;
      events?.close();
      if (!(id = data?.session.id)) return;
      events = new EventSource(url, { withCredentials: true });
      events.addEventListener("ended", () => { events.close(); id = undefined; store.notify("$sessionSignal"); });
    });
    return {};
  },
});
