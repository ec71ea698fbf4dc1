using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace TaskTracker.Data.Caching;

/// <summary>
/// Every key of the cache's protocol, and the three scripts that touch them. They are called by their hash alone: a
/// server that restarted, or that took over from another, knows no hashes and says so, and with that it says that its
/// keys may be old or gone.
/// </summary>
internal sealed class OwnerVersionScripts
{
    private const string EpochKey = "tasktracker:cache:epoch";
    private const string QuietKey = "tasktracker:cache:quiet";

    // While a mark stands, or the cache keeps quiet, nobody reads or fills: the answer is nil.
    private const string Read =
        """
        local versions = {}
        local quiet = redis.call('EXISTS', KEYS[2]) == 1
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local epoch = redis.call('GET', KEYS[1])
        if not epoch then
            epoch = ARGV[1]
            redis.call('SET', KEYS[1], epoch)
        end
        for i = 3, #KEYS, 2 do
            local place = (i - 1) / 2
            if quiet or redis.call('ZCOUNT', KEYS[i + 1], now, '+inf') > 0 then
                versions[place] = false
            else
                local version = redis.call('GET', KEYS[i])
                if not version then
                    version = ARGV[1]
                    redis.call('SET', KEYS[i], version, 'EX', ARGV[2])
                end
                versions[place] = epoch .. '-' .. version
            end
        end
        return versions
        """;

    private const string Begin =
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        for i = 1, #KEYS, 2 do
            redis.call('SET', KEYS[i], ARGV[1], 'EX', ARGV[2])
            redis.call('ZREMRANGEBYSCORE', KEYS[i + 1], '-inf', now)
            redis.call('ZADD', KEYS[i + 1], now + ARGV[3], ARGV[1])
            redis.call('PEXPIRE', KEYS[i + 1], ARGV[3])
        end
        return 1
        """;

    // A mark that is gone did not protect its write (a server lost it, or it was never set): what was filled is void.
    private const string End =
        """
        for i = 1, #KEYS, 2 do
            if redis.call('ZREM', KEYS[i + 1], ARGV[1]) == 0 then
                redis.call('SET', KEYS[i], ARGV[2], 'EX', ARGV[3])
            end
        end
        return 1
        """;

    // Any life will do: a version that is gone is replaced by a new one, under which nothing is found.
    private static readonly TimeSpan VersionLife = TimeSpan.FromDays(1);

    // Longer than the replicas take to find out, one after the other, that a server has restarted.
    private static readonly TimeSpan QuietTime = 3 * CacheCircuit.ProbeInterval + CacheCircuit.Limit;

    private static readonly byte[] ReadHash = HashOf(Read);
    private static readonly byte[] BeginHash = HashOf(Begin);
    private static readonly byte[] EndHash = HashOf(End);

    private readonly IDatabase _redis;
    private readonly OwnerVersionReads _reads;

    private OwnerVersionScripts(IDatabase redis)
    {
        _redis = redis;
        _reads = new OwnerVersionReads(ReadAsync);
    }

    /// <summary>
    /// Raises the global epoch, so that nothing filled so far is found again, and only then makes the scripts callable.
    /// Where the server knew none of them, it is new or has restarted: then all replicas leave the cache alone until
    /// each of them has had the time to find out.
    /// </summary>
    public static async Task<OwnerVersionScripts> LoadAsync(IDatabase redis)
    {
        var scripts = new OwnerVersionScripts(redis);
        await scripts.RaiseEpochAsync();

        var known = (RedisResult[])(await redis.ExecuteAsync("SCRIPT", "EXISTS", Convert.ToHexStringLower(ReadHash)))!;
        if ((int)known[0] == 0)
        {
            await redis.StringSetAsync(QuietKey, "", QuietTime);
        }

        foreach (var script in (string[])[Read, Begin, End])
        {
            await redis.ExecuteAsync("SCRIPT", "LOAD", script);
        }

        return scripts;
    }

    /// <summary>Raises the global epoch: nothing that was filled before is found again.</summary>
    public Task<bool> RaiseEpochAsync() => _redis.StringSetAsync(EpochKey, NewVersion());

    /// <summary>What the keys of <paramref name="owner"/>'s cached answers begin with; null where it may not be used now.</summary>
    public Task<string?> ReadAsync(int owner) => _reads.ReadAsync(owner);

    /// <summary>Gives each owner a new version and a mark.</summary>
    public Task BeginAsync(IEnumerable<int> owners, string mark) => _redis.ScriptEvaluateAsync(
        BeginHash,
        Keys(owners),
        [mark, (long)VersionLife.TotalSeconds, (long)OwnerVersions.MarkLife.TotalMilliseconds]);

    /// <summary>Takes the marks away.</summary>
    public Task EndAsync(IEnumerable<int> owners, string mark) => _redis.ScriptEvaluateAsync(
        EndHash,
        Keys(owners),
        [mark, NewVersion(), (long)VersionLife.TotalSeconds]);

    internal static string NewVersion() => Guid.NewGuid().ToString("N");

    internal static string VersionKey(int owner) => $"tasktracker:owner:{owner}:version";

    internal static string WritingKey(int owner) => $"tasktracker:owner:{owner}:writing";

    private async Task<IReadOnlyList<string?>> ReadAsync(IReadOnlyList<int> owners) => (string?[])(await _redis.ScriptEvaluateAsync(
        ReadHash,
        [EpochKey, QuietKey, .. Keys(owners)],
        [NewVersion(), (long)VersionLife.TotalSeconds]))!;

    private static RedisKey[] Keys(IEnumerable<int> owners) =>
        [.. owners.SelectMany(owner => (RedisKey[])[VersionKey(owner), WritingKey(owner)])];

#pragma warning disable CA5350 // Redis names its scripts by SHA-1.
    private static byte[] HashOf(string script) => SHA1.HashData(Encoding.UTF8.GetBytes(script));
#pragma warning restore CA5350
}
