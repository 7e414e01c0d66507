import { headers } from "next/headers";
import { cache } from "react";
import { fetchSession } from "./session";

// currentSession is the session of the request that is being rendered. However many
// components ask, the service is asked once.
export const currentSession = cache(async () => fetchSession(await headers()));
