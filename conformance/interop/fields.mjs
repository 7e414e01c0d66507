// The additional fields of sessions that both sides declare, as Better Auth
// wants them; the rig's -session-fields are the same.
export const fields = {
  theme: { type: "string", required: false },
  count: { type: "number", required: false, defaultValue: 7 },
  pinned: { type: "boolean", required: false, defaultValue: false },
};
