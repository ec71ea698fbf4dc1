using System.Reflection;
using System.Runtime.ExceptionServices;
using StackExchange.Redis;

namespace Aspire.StackExchange.Redis;

/// <summary>
/// A connection that sends scripts as plain commands, for 1.2.6 may not observe what it sends in several parts. It counts
/// a script among its own parts and so notes its sending twice, which its own profiler refuses: with that it fails every
/// other command that waits to be written, whoever sent it.
/// </summary>
#pragma warning disable CA1852 // What DispatchProxy creates derives from it.
internal class PlainScripts : DispatchProxy
#pragma warning restore CA1852
{
    private object _inner = null!;

    public static IConnectionMultiplexer Wrap(IConnectionMultiplexer connection) => Wrap<IConnectionMultiplexer>(connection);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        switch (targetMethod!.Name)
        {
            case nameof(IConnectionMultiplexer.GetDatabase):
                return Wrap((IDatabase)Call(targetMethod, args)!);
            case nameof(IDatabase.CreateTransaction):
                throw new NotSupportedException(
                    "StackExchange.Redis 1.2.6 cannot trace transactions: use a script, or the official Aspire packages.");
            case nameof(IDatabase.ScriptEvaluate) when Command(args) is var (name, parts, flags):
                return ((IDatabase)_inner).Execute(name, parts, flags);
            case nameof(IDatabaseAsync.ScriptEvaluateAsync) when Command(args) is var (name, parts, flags):
                return ((IDatabase)_inner).ExecuteAsync(name, parts, flags);
            default:
                return Call(targetMethod, args);
        }
    }

    private static T Wrap<T>(T inner)
        where T : class
    {
        var proxy = Create<T, PlainScripts>();
        ((PlainScripts)(object)proxy)._inner = inner;
        return proxy;
    }

    private static (string Name, object[] Parts, CommandFlags Flags)? Command(object?[]? args)
    {
        if (args is not [string or byte[], var keys, var values, CommandFlags flags])
        {
            throw new NotSupportedException(
                "StackExchange.Redis 1.2.6 cannot trace scripts with named parameters: give their keys and values as arrays.");
        }

        var (name, script) = args[0] is byte[] hash ? ("EVALSHA", Convert.ToHexStringLower(hash)) : ("EVAL", (string)args[0]!);
        var names = (RedisKey[]?)keys ?? [];
        return (name, [script, names.Length, .. names.Cast<object>(), .. ((RedisValue[]?)values ?? []).Cast<object>()], flags);
    }

    private object? Call(MethodInfo method, object?[]? args)
    {
        try
        {
            return method.Invoke(_inner, args);
        }
        catch (TargetInvocationException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerException!);
            throw;
        }
    }
}
