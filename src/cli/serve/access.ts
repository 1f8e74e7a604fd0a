/**
 * Who may talk to the server. A web page anywhere can send requests to this machine's ports, and with a DNS name that
 * it points here (DNS rebinding) read the answers too: hence the names in `Host` and `Origin` are checked.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { requestError } from '../../api/errors.ts';

export interface AccessPolicy {
  /** Asked for as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Pages of these origins may send requests and read the answers. */
  readonly corsOrigins: readonly string[];
  /** The server listens on a loopback address: only then are the names known that lead here. */
  readonly loopback: boolean;
  /** Where the server listens. */
  readonly port: number;
}

export type Denial = ReturnType<typeof requestError>;

/** Names of this machine that no DNS server answers for. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** As given to `listen`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** @returns why a request is refused before anything else is looked at; undefined: it is not */
export function checkNames(headers: IncomingHttpHeaders, policy: AccessPolicy): Denial | undefined {
  const { host = '', origin } = headers;
  if (policy.loopback && !isOwnName(host.toLowerCase(), policy.port)) {
    const own = LOOPBACK_NAMES.map((name) => `${name}:${policy.port}`).join(', ');
    return requestError(403, `The Host header is "${host}"; this server answers to ${own}.`, 'host_not_allowed');
  }
  if (origin === undefined || policy.corsOrigins.includes(origin)) return undefined;
  const message = `Pages of "${origin}" may not use this server. Start it with --cors ${origin} to allow them.`;
  return requestError(403, message, 'origin_not_allowed');
}

/** @returns why a request without the right token is refused; undefined: it has it, or none is needed */
export function checkToken({ authorization = '' }: IncomingHttpHeaders, token: string | undefined): Denial | undefined {
  if (token === undefined) return undefined;
  const [, given] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return undefined;
  const found = given === undefined ? 'The request has no token' : 'The token is not the right one';
  return requestError(401, `${found}. Send "Authorization: Bearer TOKEN".`, 'invalid_api_key');
}

/** Without a port, too: that is how some clients name port 80 and proxies name what is behind them. */
function isOwnName(host: string, port: number): boolean {
  return LOOPBACK_NAMES.some((name) => host === name || host === `${name}:${port}`);
}

/** Of equal length, whatever was sent: only such can be compared in constant time. */
const digest = (text: string) => createHash('sha256').update(text).digest();
