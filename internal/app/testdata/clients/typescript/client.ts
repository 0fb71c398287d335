// Uses the service through openapi-fetch, with the types that openapi-typescript makes of its OpenAPI document:
// node client.js BASE EMAIL PASSWORD. That it compiles is half of the test.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const [base, email, password] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: base });

// A list, by pages.
const list = await client.GET("/api/articles", { params: { query: { limit: 5 } } });
assert.ok(list.data, `list: ${list.response.status}`);
assert.equal(list.data.items.length, 5);
const cursor: string | null | undefined = list.data.next_cursor;
assert.ok(cursor);
const next = await client.GET("/api/articles", { params: { query: { limit: 5, cursor } } });
const first = list.data.items[0]!;
assert.notEqual(next.data?.items[0]?.id, first.id);

// A filter.
const filtered = await client.GET("/api/articles", { params: { query: { source: [first.source] } } });
assert.ok(filtered.data && filtered.data.items.length > 0);
for (const a of filtered.data.items) assert.equal(a.source, first.source);

// One article, and the same again while it is current.
const one = await client.GET("/api/articles/{id}", { params: { path: { id: first.id } } });
const article: components["schemas"]["Article"] | undefined = one.data;
assert.equal(article?.title, first.title);
const tag = one.response.headers.get("ETag");
assert.ok(tag);
const again = await client.GET("/api/articles/{id}", { params: { path: { id: first.id }, header: { "If-None-Match": tag } } });
assert.equal(again.response.status, 304);

// Errors: a text, and a list.
const none = await client.GET("/api/articles/{id}", { params: { path: { id: 999999999 } } });
assert.equal(none.response.status, 404);
assert.equal(none.error?.detail, "Article not found");
const wrong = await client.GET("/api/articles", { params: { query: { limit: 0 } } });
assert.equal(wrong.response.status, 422);
const detail = wrong.error?.detail;
assert.ok(Array.isArray(detail));
const item: components["schemas"]["ErrorItem"] = detail[0]!;
assert.equal(item.type, "greater_than_equal");
assert.deepEqual(item.loc, ["query", "limit"]);

// Login, and something for users alone.
const login = await client.POST("/api/auth/token", { body: { username: email, password } });
assert.ok(login.data, `login: ${login.response.status}`);
const me = await client.GET("/api/auth/me", { headers: { Authorization: `Bearer ${login.data.access_token}` } });
assert.equal(me.data?.email, email);
const stranger = await client.GET("/api/auth/me", {});
assert.equal(stranger.response.status, 401);

// A text.
const analysis = await client.POST("/api/analysis/analyze", { body: { text: "El presidente visitó Medellín el lunes." } });
assert.ok(analysis.data, `analyze: ${analysis.response.status}`);

console.log("all is as documented");
