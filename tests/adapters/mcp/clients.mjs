// Talks to `pawl mcp` with the clients of others: @modelcontextprotocol/client for revision 2026-07-28, and
// @modelcontextprotocol/sdk for 2025-11-25, each over stdio and over Streamable HTTP. Prints what they got, as JSON.
//
// usage: node clients.mjs '{"command": ["pawl", "mcp"], "url": "http://…/mcp", "token": "…", "folder": "better", "offSurface": "off", "proposal": "p2"}'
import { Client as Modern, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client as Legacy } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const given = JSON.parse(process.argv[2]);
const [command, ...args] = given.command;
const requestInit = { headers: { Authorization: `Bearer ${given.token}` } };
const info = { name: 'pawl-test', version: '1' };
const modern = () => new Modern(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
const automatic = () => new Modern(info, { versionNegotiation: { mode: 'auto' } });
const legacy = () => new Legacy(info);
const env = process.env;
const ways = {
  'modern stdio': [modern(), new ModernStdio({ command, args, env })],
  'modern http': [modern(), new ModernHttp(new URL(given.url), { requestInit })],
  'automatic http': [automatic(), new ModernHttp(new URL(given.url), { requestInit })],
  'legacy stdio': [legacy(), new LegacyStdio({ command, args, env })],
  'legacy http': [legacy(), new LegacyHttp(new URL(given.url), { requestInit })],
};

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function call(client, name, values = {}) {
  const { structuredContent, isError, content } = await client.callTool({ name, arguments: values });
  if (JSON.stringify(JSON.parse(content[0].text)) !== JSON.stringify(structuredContent)) throw new Error('text differs');
  return { ...structuredContent, isError };
}

// Proposes, and follows the run until it has ended.
async function propose(client, folder) {
  let answer = await call(client, 'pawl_propose', { folder, note: 'from a client' });
  const run = answer.run;
  while (answer.state === 'running') {
    await pause(200);
    answer = await call(client, 'pawl_follow', { proposal: run });
  }
  return { ...answer, run };
}

async function failure(work) {
  try {
    await work();
    return null;
  } catch (error) {
    return { code: error.code, message: error.message };
  }
}

const said = {};
for (const [way, [client, transport]] of Object.entries(ways)) {
  await client.connect(transport);
  const got = (said[way] = { revision: client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion });
  got.server = client.getServerVersion()?.name;
  got.instructions = client.getInstructions();
  got.tools = (await client.listTools()).tools;
  got.status = await call(client, 'pawl_status');
  got.charter = await call(client, 'pawl_charter');
  if (way === 'legacy stdio') got.refused = await propose(client, given.offSurface);
  if (way === 'modern http') got.proposed = await propose(client, given.folder);
  if (way !== 'modern stdio') {
    got.followed = await call(client, 'pawl_follow', { proposal: given.proposal });
    got.evidence = await call(client, 'pawl_evidence', { proposal: given.proposal });
  }
  got.event = await call(client, 'pawl_event', { index: 0 });
  got.links = await call(client, 'pawl_propose', { folder: '../loader' });
  got.link = await call(client, 'pawl_propose', { folder: 'link' });
  got.wrong = await call(client, 'pawl_follow', { proposal: 7 }).catch(error => ({ isError: true, thrown: error.message }));
  got.approve = await failure(() => client.callTool({ name: 'pawl_approve', arguments: { proposal: 'p2' } }));
  await client.close();
}
const stranger = new Modern(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
said.stranger = await failure(() => stranger.connect(new ModernHttp(new URL(given.url))));
// Ends only when all is written: a pipe takes 64 KiB at a time.
process.stdout.write(JSON.stringify(said) + '\n', () => process.exit(0));
