-- Sends the requests of the file WRK_REQUESTS, separated by NUL, one after the other and again; a run of # becomes a number that no
-- request had before. Prints one line of JSON at the end.

local requests, count, sent = {}, 0, 0
local file = assert(io.open(os.getenv("WRK_REQUESTS"), "rb"))
for text in file:read("*a"):gmatch("[^%z]+") do
    count = count + 1
    requests[count] = text
end
file:close()

local place = "##########"
local numbered = requests[1]:find(place, 1, true)
local number = tonumber(os.getenv("WRK_FIRST_NUMBER"))

function request()
    sent = sent + 1
    local text = requests[(sent - 1) % count + 1]
    if numbered then
        text = text:gsub(place, string.format("%010d", number + sent))
    end
    return text
end

function done(summary, latency, _)
    local errors = summary.errors
    -- utime and stime, in ticks of 10 ms, after the program's name.
    local ticks = {}
    for tick in io.open("/proc/self/stat"):read("*a"):match("%) (.*)"):gmatch("%S+") do
        ticks[#ticks + 1] = tick
    end
    print(string.format(
        'RESULT {"seconds":%.6f,"requests":%d,"bytes":%d,"refused":%d,"broken":%d,"p50_ms":%.4f,"p99_ms":%.4f,"cpu_seconds":%.2f}',
        summary.duration / 1e6, summary.requests, summary.bytes, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, (ticks[12] + ticks[13]) / 100))
end
