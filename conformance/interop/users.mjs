// Users who can sign in on both sides. Sessions are what the sides share; each
// keeps passwords in a table of its own, so a user is written into both.

export const secretWord = "correct horse battery";

// password is the Node side's way to keep one, for Better Auth's
// emailAndPassword.password: quick, and no way to keep a real one.
export const password = {
  hash: async (text) => "plain:" + text,
  verify: async ({ hash, password: text }) => hash === "plain:" + text,
};

// A Registry makes users by writing their rows.
export class Registry {
  #database;
  #hash; // of the secret word, in the Go side's form
  #count = 0;

  constructor(database, hash) {
    this.#database = database;
    this.#hash = hash;
  }

  async add({ name = "Ada Lovelace", image = null } = {}) {
    const id = randomId();
    const user = { id, name, image, email: `user-${String(++this.#count).padStart(4, "0")}@example.com` };
    const now = this.#database.time(new Date());
    await this.#database.insert("user", { id, name, email: user.email, emailVerified: 0, image, createdAt: now, updatedAt: now });
    await this.#database.insert("account", {
      id: randomId(), accountId: id, providerId: "credential", userId: id,
      password: await password.hash(secretWord), createdAt: now, updatedAt: now,
    });
    await this.#database.insert("password", { userId: id, hash: this.#hash });
    return user;
  }
}

const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

// randomId looks like Better Auth's ids.
function randomId() {
  return Array.from({ length: 32 }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join("");
}
