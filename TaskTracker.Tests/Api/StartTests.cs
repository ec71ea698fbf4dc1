using System.Reflection;
using TaskTracker.Api;
using TaskTracker.Jobs;

namespace TaskTracker.Tests.Api;

/// <summary>
/// A service that is told something wrong does not start. Its own entry point is called: a test host would be told of the failure
/// from another thread, which disposes of what it still asks.
/// </summary>
public sealed class StartTests
{
    [Theory]
    [InlineData("RateLimits:PerUser", "-1")]
    [InlineData("RateLimits:PerAddress", "many")]
    [InlineData("RateLimits:CredentialsPerAddress", "1000001")]
    [InlineData("Http:Origins", "app.example.com")]
    [InlineData("Http:Origins", "https://app.example.com/path")]
    [InlineData("Http:Origins", "*")]
    [InlineData("Http:TrustedProxies", "10.0.0.0/99")]
    [InlineData("Http:TrustedProxies", "proxy")]
    [InlineData("CACHE_TTL", "x")]
    [InlineData("CACHE_TTL", "0")]
    [InlineData("CACHE_TTL", "86401")]
    [InlineData("Cache:Lists", "-00:00:01")]
    [InlineData("Cache:Items", "2.00:00:00")]
    [InlineData("Cache:Statistics", "long")]
    [InlineData("Reminders:LeadTimes", "soon")]
    [InlineData("Reminders:Late", "never")]
    [InlineData("DataProtection:Key", "c2hvcnQ=")]
    [InlineData("DATABASE_URL", "nonsense")]
    [InlineData("REDIS_URL", "nonsense")]
    public Task A_bad_setting_stops_the_api_with_one_sentence_that_names_it(string name, string value) =>
        RefusesAsync(typeof(ApiMarker).Assembly, name, $"--{name}={value}", "--environment=Development");

    [Theory]
    [InlineData("Reminders:LeadTimes", "-00:00:01")]
    [InlineData("Exports:Lifetime", "-1")]
    [InlineData("DATABASE_URL", "nonsense")]
    [InlineData("REDIS_URL", "nonsense")]
    public Task A_bad_setting_stops_the_jobs_service_with_one_sentence_that_names_it(string name, string value) =>
        RefusesAsync(typeof(JobsMarker).Assembly, name, $"--{name}={value}", "--environment=Development");

    [Theory]
    [InlineData("")]
    [InlineData("thirty-one characters are short")]
    public Task A_key_of_operators_that_is_too_short_stops_the_api(string key) =>
        RefusesAsync(typeof(ApiMarker).Assembly, "Operations:Key must have at least 32 characters", $"--Operations:Key={key}", "--environment=Development");

    [Theory]
    [InlineData("TimeZone", "Europe/Atlantis", "Cleanup:TimeZone is 'Europe/Atlantis': give a time zone by its IANA id")]
    [InlineData("Notifications", "00:30:00", "Cleanup:Notifications is '00:30:00': give a duration from one hour")]
    [InlineData("Operations", "4000.00:00:00", "Cleanup:Operations is '4000.00:00:00': give a duration from one hour")]
    public Task A_time_of_cleaning_up_that_makes_no_sense_stops_the_jobs_service(string name, string value, string sentence) =>
        RefusesAsync(typeof(JobsMarker).Assembly, sentence, $"--Cleanup:{name}={value}", "--environment=Development");

    [Fact]
    public Task Production_without_a_key_refuses_to_start_and_says_what_is_missing() =>
        RefusesAsync(typeof(ApiMarker).Assembly, "DataProtection:Key is missing", "--environment=Production");

    private static async Task RefusesAsync(Assembly service, string expected, params string[] arguments)
    {
        // Servers that do not answer; a URL is read only where there is no connection string.
        string[] servers = expected.EndsWith("_URL", StringComparison.Ordinal)
            ? []
            : ["--ConnectionStrings:tasktracker=Host=127.0.0.1;Port=1;Username=a;Password=8d1f60c2;Database=c", "--ConnectionStrings:cache=127.0.0.1:1,password=8d1f60c2"];
        string[] all = ["--urls=http://127.0.0.1:0", .. servers, .. arguments];

        var started = Task.Run(() => service.EntryPoint!.Invoke(null, [all]));
        var failure = (await Assert.ThrowsAsync<TargetInvocationException>(() => started.WaitAsync(TimeSpan.FromSeconds(60)))).InnerException!;

        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }
}
