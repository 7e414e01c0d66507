// Stands in for next/navigation. As there, redirect throws what its caller catches.
export function redirect(to: string): never {
  throw Object.assign(new Error("NEXT_REDIRECT"), { to });
}
