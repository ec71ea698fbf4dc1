using TaskTracker.AppHost.LocalServices;
using TaskTracker.Benchmarks;
using TaskTracker.Benchmarks.Reference;
using TaskTracker.Benchmarks.Results;
using TaskTracker.Benchmarks.Scenarios;
using TaskTracker.Benchmarks.Setup;

// Started by this program itself, beside the services.
if (args is [ReferenceServer.Argument])
{
    return await ReferenceServer.RunAsync();
}

if (RunOptions.IsDebugBuild)
{
    await Console.Error.WriteLineAsync("A debug build measures nothing: dotnet run -c Release --project TaskTracker.Benchmarks");
    return 1;
}

IReadOnlyList<Scenario> scenarios = [.. HttpScenarios.All, .. JobScenarios.All];

using var interrupted = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    interrupted.Cancel();
};

try
{
    var options = RunOptions.Parse(args, scenarios);
    var report = new Report(options);
    await using (var bench = await Bench.StartAsync(options, interrupted.Token))
    {
        foreach (var scenario in options.Soak is null ? scenarios.Where(scenario => options.Includes(scenario.Name)) : [Soak.Scenario])
        {
            bench.Say($"{scenario.Name} ...");
            report.Add(scenario, await scenario.RunAsync(bench));
        }
    }

    await report.WriteAsync(Console.Out);
    return 0;
}
catch (Exception exception) when (exception is BenchmarkException or LocalServiceException or TimeoutException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
catch (Exception) when (interrupted.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("Interrupted: nothing was kept.");
    return 130;
}
