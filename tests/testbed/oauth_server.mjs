// Copyright: lifeboat.kafka contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// Usage: node oauth_server.mjs PORT CLIENTS
// Gives tokens to the clients of the JSON object CLIENTS (id: secret): subject = the id, audience = kafka.
import { OAuth2Server } from 'oauth2-mock-server';

const [port, clients] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
const given = (request) => {
  const basic = Buffer.from((request.headers.authorization || '').replace(/^Basic /i, ''), 'base64').toString();
  const at = basic.indexOf(':');
  return at < 0 ? [request.body.client_id, request.body.client_secret] : [basic.slice(0, at), basic.slice(at + 1)];
};

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
server.service.on('beforeTokenSigning', (token, request) => {
  token.payload.sub = decodeURIComponent(given(request)[0]);
  token.payload.aud = 'kafka';
});
server.service.on('beforeResponse', (response, request) => {
  const [id, secret] = given(request).map((each) => decodeURIComponent(each ?? ''));
  if (!(id in clients) || clients[id] !== secret) {
    response.statusCode = 401;
    response.body = { error: 'invalid_client' };
  }
});
await server.start(port, '127.0.0.1');
server.issuer.url = `http://127.0.0.1:${port}`;
