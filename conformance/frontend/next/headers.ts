// Stands in for next/headers, which is too large to install for one function: the
// headers of the request that is being rendered, which tests put here.
export const rendering = { headers: new Headers() };

export async function headers(): Promise<Headers> {
  return rendering.headers;
}
