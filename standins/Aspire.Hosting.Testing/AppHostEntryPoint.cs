using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>An AppHost's entry point, running on a thread of its own and held where it builds its application.</summary>
internal sealed class AppHostEntryPoint(MethodInfo main, string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure) : EntryPointInterception, IAsyncDisposable
{
    // An entry point that neither builds nor ends would keep a test run waiting.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly TaskCompletionSource<DistributedApplicationBuilder> _builder = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _mayBuild = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DistributedApplication> _application = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<DistributedApplicationBuilder> StartAsync(CancellationToken cancellationToken)
    {
        var thread = new Thread(Run) { IsBackground = true, Name = $"{main.DeclaringType?.Assembly.GetName().Name} entry point" };
        thread.Start();
        return _builder.Task.WaitAsync(s_limit, cancellationToken);
    }

    internal Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken)
    {
        _mayBuild.TrySetResult();
        return _application.Task.WaitAsync(s_limit, cancellationToken);
    }

    internal override void OnConstructing(DistributedApplicationOptions options, HostApplicationBuilderSettings settings)
    {
        var assembly = main.DeclaringType!.Assembly;
        settings.Args = options.Args = [.. settings.Args ?? [], .. args];
        settings.ApplicationName = options.AssemblyName = assembly.GetName().Name;
        options.DisableDashboard = true;
        options.EnableResourceLogging = true;

        var folder = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(metadata => metadata.Key == "AppHostProjectPath")?.Value;
        if (Directory.Exists(folder))
        {
            settings.ContentRootPath = folder;
        }

        AddDefaults(settings, new()
        {
            ["DcpPublisher:RandomizePorts"] = "true",
            ["ASPNETCORE_URLS"] = "http://localhost:8080",
            ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = "http://localhost:4317",
            ["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true",
        });
        configure(options, settings);
        AddDefaults(settings, FromLaunchProfile(settings, folder));
    }

    internal override void OnBuilding(DistributedApplicationBuilder builder)
    {
        _builder.TrySetResult(builder);
        _mayBuild.Task.GetAwaiter().GetResult();
    }

    internal override void OnBuilt(DistributedApplication application) => _application.TrySetResult(application);

    public async ValueTask DisposeAsync()
    {
        _mayBuild.TrySetCanceled();
        Abandon();
        if (_application.Task.IsCompletedSuccessfully)
        {
            await (await _application.Task).DisposeAsync();
        }
    }

    private void Run()
    {
        Current = this;
        try
        {
            main.Invoke(null, main.GetParameters().Length == 0 ? [] : [args]);
            Fail(new InvalidOperationException("The entry point exited without building a DistributedApplication."));
        }
        catch (Exception exception)
        {
            Fail(exception is TargetInvocationException { InnerException: { } inner } ? inner : exception);
        }

        // Once the test has what it waits for, the end of the entry point is the AppHost's own affair.
        void Fail(Exception exception)
        {
            _builder.TrySetException(exception);
            _application.TrySetException(exception);
            _ = (_builder.Task.Exception, _application.Task.Exception);
        }
    }

    // What 'dotnet run' would have put into the AppHost's environment.
    private static Dictionary<string, string?> FromLaunchProfile(HostApplicationBuilderSettings settings, string? folder)
    {
        var values = new Dictionary<string, string?>();
        if (folder is null || LaunchSettings.Read(folder)?.Profiles is not { Count: > 0 } profiles)
        {
            return values;
        }

        var name = Known(settings)["DOTNET_LAUNCH_PROFILE"] ?? profiles.Keys.First();
        if (!profiles.TryGetValue(name, out var profile))
        {
            throw new InvalidOperationException($"The configured launch profile, '{name}', was not found in the launch settings file.");
        }

        values["DOTNET_LAUNCH_PROFILE"] = name;
        foreach (var (variable, value) in profile.EnvironmentVariables)
        {
            values[variable] = value;

            // The host reads these under their short names too, from the real environment.
            if (variable.Split('_', 2) is ["DOTNET" or "ASPNETCORE", var key])
            {
                values[key] = value;
            }
        }

        return values;
    }

    private static void AddDefaults(HostApplicationBuilderSettings settings, Dictionary<string, string?> values)
    {
        var known = Known(settings);
        settings.Configuration!.AddInMemoryCollection([.. values.Where(value => known[value.Key] is null)]);
    }

    private static ConfigurationManager Known(HostApplicationBuilderSettings settings)
    {
        var known = new ConfigurationManager();
        known.AddConfiguration(settings.Configuration!);
        known.AddCommandLine(settings.Args ?? []);
        return known;
    }
}
