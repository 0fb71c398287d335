// Runs the public suite http-cache-tests against one base URL and prints its scores by group.
//
//   node conformance.mjs SUITE-DIRECTORY BASE-URL [ONLY]
//
// ONLY is a comma-separated list of test or group ids. A test counts as passed only if those it depends on passed too, as
// the suite's own display has it.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import path from 'node:path'

const [dir, base, only = ''] = process.argv.slice(2)
const load = file => import(pathToFileURL(path.join(dir, file)))
const own = name => createRequire(path.join(dir, 'tests/index.mjs'))(name)
// Since 2024 the engine has a directory of its own.
const engine = existsSync(path.join(dir, 'test-engine')) ? 'test-engine/' : ''
const { runTests, getResults } = await load(engine + 'client/runner.mjs')
const groups = (await load('tests/index.mjs')).default

const wanted = only.split(',').filter(Boolean)
const picked = groups
  .map(group => ({ ...group, tests: group.tests.filter(t => !t.browser_only && (!wanted.length || wanted.includes(t.id) || wanted.includes(group.id))) }))
  .filter(group => group.tests.length)

if (runTests.length > 3) {
  await runTests(picked, own('node-fetch'), false, base)
} else {
  // It looks for interim responses through the undici it depends on, so fetch must be of the same edition, not Node's own.
  globalThis.fetch = own('undici').fetch
  await runTests(picked, false, base)
}
const results = getResults()

const byID = new Map(groups.flatMap(group => group.tests.map(t => [t.id, t])))
const passed = id => {
  // With a selection, what it leaves out is taken to pass.
  if (!(id in results)) return wanted.length > 0
  return results[id] === true && (byID.get(id).depends_on || []).every(passed)
}

const kinds = ['required', 'optimal', 'check']
const total = Object.fromEntries(kinds.map(k => [k, [0, 0]]))
const cell = ([good, all]) => all ? `${good}/${all}`.padStart(9) : '        ·'
console.log('group'.padEnd(20) + kinds.map(k => k.padStart(9)).join(''))
for (const group of picked) {
  const score = Object.fromEntries(kinds.map(k => [k, [0, 0]]))
  for (const t of group.tests) {
    for (const s of [score, total]) {
      const cell = s[t.kind || 'required']
      cell[1]++
      if (passed(t.id)) cell[0]++
    }
  }
  console.log(group.id.padEnd(20) + kinds.map(k => cell(score[k])).join(''))
}
console.log('total'.padEnd(20) + kinds.map(k => cell(total[k])).join(''))
for (const group of picked) {
  for (const t of group.tests) {
    if (passed(t.id)) continue
    const why = results[t.id] === true ? 'depends on a test that failed' : results[t.id].join(': ')
    console.log(`  ${t.kind || 'required'} ${t.id}: ${why}`)
  }
}
