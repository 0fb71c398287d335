package version

// The buckets of a coarse dependency must change as one. An entry built from others reads another bucket than they do:
// if it could read its own bucket when that is new, and read a part whose bucket is still old, it would stay current
// although its part is not, and so on at every level above.
//
// A single server runs a script that writes them all atomically. On Cluster they lie on several nodes and change in two
// passes. The first closes: each bucket gets a mark in place of its version, under which nothing hits and nothing is
// stored. When every node has acknowledged its marks, the second opens: each bucket whose mark is still there gets a
// new nonce.
//
// Why that is sound at any depth: let T be when the last bucket was closed. The versions that an entry was stored with
// are current after T only if they were written after T, because each bucket was closed from before T until it was
// opened after T. So a hit after T is on an entry whose versions were read after T, whose load began after T and read
// its own parts after T, of which the same is true.
//
// Each invalidator has marks of its own, so that one who opens does not open for another who is still closing. Whoever
// finds its mark gone (evicted, expired, lost in a failover) begins again. A mark expires by the clock of the node it
// lies on: a process that died between the passes never returned from Invalidate, so nothing was promised, and readers
// then make a new version.
const (
	markStart  = 'c'
	markDigits = 13               // until when, Unix milliseconds
	markLen    = Len + markDigits // after the first byte, one for each invalidator
)

// Closed reports whether a version as read is the marks of invalidations in progress.
func Closed(v string) bool {
	return len(v) > Len && v[0] == markStart && (len(v)-1)%markLen == 0
}

// Each script but AllScript touches one key. They begin by reading it: v is the version, an empty string if there is
// none; rest are the marks that have not expired, without ARGV[1]'s; last is when the last of them expires; mine is
// whether ARGV[1]'s was there.
const marksScript = `local v=redis.pcall('get',KEYS[1])
if type(v)~='string' then v='' end
local t=redis.call('time')
local now=t[1]*1000+math.floor(t[2]/1000)
local rest,last,mine='',0,false
local isclosed=#v>16 and string.sub(v,1,1)=='c' and (#v-1)%29==0
if isclosed then for i=2,#v,29 do
local til=tonumber(string.sub(v,i+16,i+28)) or 0
if string.sub(v,i,i+15)==ARGV[1] then mine=true
elseif til>now then rest=rest..string.sub(v,i,i+28) last=math.max(last,til) end
end end
`

// The scripts.
const (
	// CloseScript puts a mark in a version's place. ARGV: mark, its life in ms.
	CloseScript = marksScript + `local til=now+ARGV[2]
redis.call('set',KEYS[1],'c'..rest..ARGV[1]..string.format('%013.0f',til),'px',math.max(til,last)-now)
return 'OK'`
	// OpenScript takes a mark away and, if it was the last, writes a new version; it answers LOST if the mark was not
	// there. ARGV: mark, nonce, its life in ms.
	OpenScript = marksScript + `if not mine then return 'LOST' end
if rest=='' then redis.call('set',KEYS[1],ARGV[2],'px',ARGV[3])
else redis.call('set',KEYS[1],'c'..rest,'px',last-now) end
return 'OK'`
	// MakeScript makes a version where there is none and where all marks have expired, and returns what is there then.
	// ARGV: "", nonce, its life in ms.
	MakeScript = marksScript + `if #v==16 or rest~='' then return v end
redis.call('set',KEYS[1],ARGV[2],'px',ARGV[3])
return ARGV[2]`
	// AllScript writes all versions in one step, on one server only. KEYS and ARGV run parallel, the last ARGV is their
	// life in ms.
	AllScript = `for i,k in ipairs(KEYS) do redis.call('set',k,ARGV[i],'px',ARGV[#ARGV]) end
return 'OK'`
)
