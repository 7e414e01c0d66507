import { redirect } from "next/navigation";
import { currentSession } from "../../lib/current";
import { KeepAlive } from "./keep-alive";

export default async function Account() {
  const current = await currentSession();
  if (!current) redirect("/login");
  return (
    <main>
      <h1>Hello, {current.user.name}</h1>
      <KeepAlive />
    </main>
  );
}
