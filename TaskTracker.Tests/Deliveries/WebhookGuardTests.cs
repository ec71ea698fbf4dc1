using System.Net;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Options;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Tests.Deliveries;

public sealed class WebhookGuardTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("10.0.0.1")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("169.254.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.170")]
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.19.255.255")]
    [InlineData("198.51.100.7")]
    [InlineData("203.0.113.7")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.255")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::127.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("::ffff:93.184.216.34")]
    [InlineData("::ffff:0:127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b:1::a00:1")]
    [InlineData("100::1")]
    [InlineData("2001::1")]
    [InlineData("2001:2::1")]
    [InlineData("2001:10::1")]
    [InlineData("2001:20::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("2002:a9fe:a9fe::1")]
    [InlineData("3fff::1")]
    [InlineData("5f00::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public async Task An_address_that_is_not_public_is_refused(string address)
    {
        Assert.False(WebhookGuard.IsPublic(IPAddress.Parse(address)));
        var guard = NewGuard(address);
        await Assert.ThrowsAsync<WebhookRefusedException>(() => guard.CheckAsync("https://hooks.example/", CancellationToken.None));
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("93.184.216.34")]
    [InlineData("100.63.255.255")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("2001:4860:4860::8888")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00:1450:4001::1")]
    public async Task A_public_address_is_let_through(string address)
    {
        var addresses = await NewGuard(address).ResolveAsync(new Uri("https://hooks.example/"), CancellationToken.None);

        Assert.Equal([IPAddress.Parse(address)], addresses);
    }

    [Fact]
    public async Task One_address_that_is_not_public_is_enough_to_refuse_a_host()
    {
        var guard = NewGuard("93.184.216.34,127.0.0.1");

        await Assert.ThrowsAsync<WebhookRefusedException>(() => guard.CheckAsync("https://hooks.example/", CancellationToken.None));
    }

    [Theory]
    [InlineData("10.20.3.4", "10.20.0.0/16", true)]
    [InlineData("10.21.3.4", "10.20.0.0/16", false)]
    [InlineData("127.0.0.1", "::1/128,127.0.0.1/32", true)]
    [InlineData("127.0.0.2", "::1/128,127.0.0.1/32", false)]
    [InlineData("::ffff:127.0.0.1", "127.0.0.1/32", true)]
    [InlineData("::ffff:127.0.0.2", "127.0.0.1/32", false)]
    [InlineData("fd00:20::1", "fd00:20::/64", true)]
    public async Task Only_a_network_on_the_list_is_an_exception(string address, string allowed, bool passes)
    {
        var check = NewGuard(address, allowed).CheckAsync("https://hooks.example/", CancellationToken.None);

        await (passes ? (Task)check : Assert.ThrowsAsync<WebhookRefusedException>(() => check));
    }

    [Theory]
    [InlineData("Production", "93.184.216.34", "10.0.0.0/8", false)]
    [InlineData("Production", "10.1.1.1", "10.0.0.0/8", true)]
    [InlineData("Development", "93.184.216.34", "", true)]
    public async Task Plain_http_is_refused_in_production_except_on_the_list(string environment, string address, string allowed, bool passes)
    {
        var check = NewGuard(address, allowed, environment).CheckAsync("http://hooks.example/", CancellationToken.None);

        await (passes ? (Task)check : Assert.ThrowsAsync<WebhookRefusedException>(() => check));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hooks.example")]
    [InlineData("//hooks.example/")]
    [InlineData("/hooks")]
    [InlineData("ftp://hooks.example/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://")]
    [InlineData("https://user@hooks.example/")]
    [InlineData("https://user:password@hooks.example/")]
    [InlineData("https://hooks.example@127.0.0.1/")]
    public void A_URL_that_is_none_or_holds_a_password_is_refused(string url) =>
        Assert.Throws<WebhookRefusedException>(() => WebhookGuard.Parse(url));

    [Fact]
    public async Task An_unknown_host_is_called_so()
    {
        var guard = NewGuard("");

        var refusal = await Assert.ThrowsAsync<WebhookRefusedException>(() => guard.CheckAsync("https://hooks.example/", CancellationToken.None));

        Assert.Equal("Its host cannot be found.", refusal.Message);
    }

    [Theory]
    [InlineData("10.0.0.0")]
    [InlineData("localhost")]
    [InlineData("10.0.0.0/33")]
    public void A_network_that_is_none_is_named_with_what_would_be_right(string networks)
    {
        var problem = Assert.Single(new WebhookOptions { AllowedNetworks = networks }.Validate(new(new object())));

        Assert.StartsWith($"Webhooks:AllowedNetworks is '{networks}': use networks such as", problem.ErrorMessage, StringComparison.Ordinal);
    }

    private static WebhookGuard NewGuard(string addresses, string allowed = "", string environment = "Production") => new(
        Options.Create(new WebhookOptions { AllowedNetworks = allowed }),
        new HostingEnvironment { EnvironmentName = environment },
        (_, _) => Task.FromResult(addresses.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse).ToArray()));
}
