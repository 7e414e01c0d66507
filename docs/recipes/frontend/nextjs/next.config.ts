const service = process.env.SERVICE_URL ?? "http://localhost:8080";

export default {
  // The browser sees one origin, and its cookies are this site's own.
  rewrites: async () => [{ source: "/api/:path*", destination: `${service}/api/:path*` }],
};
