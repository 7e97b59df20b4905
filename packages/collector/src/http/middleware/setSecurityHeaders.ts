import helmet from 'koa-helmet'

/**
 * Tells browsers that responses are data, which no page may run, frame or embed. The client script and the HTML pages
 * override this for themselves.
 */
export const setSecurityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  crossOriginResourcePolicy: { policy: 'same-origin' },
  // These matter only for pages, or for browsers that are no longer in use.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
})
